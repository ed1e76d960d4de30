//go:build freebsd || darwin

// Whether a file is on a disk of this host, on FreeBSD and macOS. OpenBSD uses
// another name for the field.

package host

import "golang.org/x/sys/unix"

// local reports whether a file system is on a disk of this host (statfs(2)).
func local(fs *unix.Statfs_t) bool { return fs.Flags&unix.MNT_LOCAL != 0 }
