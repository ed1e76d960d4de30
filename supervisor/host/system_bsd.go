//go:build freebsd || darwin

// Whether a file is on a disk of this host, on FreeBSD and macOS. OpenBSD uses
// another name for the field.

package host

import "golang.org/x/sys/unix"

// OnLocalDisk reports whether a file lies on a disk of this host (statfs(2)).
func OnLocalDisk(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Flags&unix.MNT_LOCAL != 0
}
