package supervisor

import "golang.org/x/sys/unix"

// onLocalDisk reports whether a file lies on a disk of this host (statfs(2)).
func onLocalDisk(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.F_flags&unix.MNT_LOCAL != 0
}
