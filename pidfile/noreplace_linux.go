//go:build !portable

// Giving a file a name that does not exist yet, on Linux.

package pidfile

import "golang.org/x/sys/unix"

// renameNoReplace renames old to path, which must not exist (otherwise
// unix.EEXIST). Filesystems that do not support the flag return EINVAL
// (renameat2(2)).
func renameNoReplace(old, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, old, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP:
		return linkNoReplace(old, path)
	}
	return err
}
