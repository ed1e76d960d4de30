//go:build !portable

package pidfile

import "golang.org/x/sys/unix"

// renameNoReplace renames old to an absent path; unix.EEXIST if it isn't
// absent. Filesystems that don't know the flag answer EINVAL (renameat2(2)).
func renameNoReplace(old, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, old, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP:
		return linkNoReplace(old, path)
	}
	return err
}
