//go:build freebsd || darwin

package supervisor

import "golang.org/x/sys/unix"

// onLocalDisk reports whether a file lies on a disk of this host (statfs(2)).
func onLocalDisk(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Flags&unix.MNT_LOCAL != 0
}
