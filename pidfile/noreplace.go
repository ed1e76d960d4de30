// Giving a file a name that does not exist yet, with link(2).

package pidfile

import "golang.org/x/sys/unix"

// linkNoReplace renames with two calls what link(2) guarantees: it never
// replaces a file. If the process is killed between them, the live file keeps
// a second name; for that reason a temporary name is never opened for writing.
func linkNoReplace(old, path string) error {
	if err := unix.Link(old, path); err != nil {
		return err
	}
	_ = unix.Unlink(old) // if it fails, the next sweep removes it
	return nil
}
