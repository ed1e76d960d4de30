package pidfile

import "golang.org/x/sys/unix"

// linkNoReplace does by two calls what link(2) alone promises: it never
// replaces. Killed between them, a process leaves a second name of the live
// file behind, which is why a temporary name is never opened for writing.
func linkNoReplace(old, path string) error {
	if err := unix.Link(old, path); err != nil {
		return err
	}
	_ = unix.Unlink(old) // a leftover, which the next sweep finds
	return nil
}
