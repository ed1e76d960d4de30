//go:build !linux

// Titles on other systems: none.

package title

// Claim returns no Title: only Linux says where the arguments lie.
func Claim(env bool) *Title { return nil }

// Comm does nothing here.
func Comm(name string) {}

// CommAny does nothing here.
func CommAny(name string) error { return nil }
