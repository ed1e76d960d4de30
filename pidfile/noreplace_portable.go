//go:build !linux || portable

// Giving a file a name that does not exist yet, on other systems.

package pidfile

// renameNoReplace renames old to path, which must not exist (otherwise
// unix.EEXIST).
func renameNoReplace(old, path string) error { return linkNoReplace(old, path) }
