// Whether a file is on a disk of this host, on OpenBSD. FreeBSD and macOS use
// another name for the field.

package host

import "golang.org/x/sys/unix"

// OnLocalDisk reports whether a file lies on a disk of this host (statfs(2)).
func OnLocalDisk(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.F_flags&unix.MNT_LOCAL != 0
}
