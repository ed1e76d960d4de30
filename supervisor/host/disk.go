// Whether a file is on a disk of this host, so that no write to it waits for a network.

package host

import "golang.org/x/sys/unix"

// OnLocalDisk reports whether an open file is on a disk of this host.
func OnLocalDisk(fd int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(fd, &fs) == nil && local(&fs)
}

// IsLocalPath reports whether the file or directory at a path is on a disk of this host.
func IsLocalPath(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && local(&fs)
}
