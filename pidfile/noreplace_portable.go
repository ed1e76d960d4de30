//go:build !linux || portable

package pidfile

// renameNoReplace renames old to an absent path; unix.EEXIST if it isn't
// absent.
func renameNoReplace(old, path string) error { return linkNoReplace(old, path) }
