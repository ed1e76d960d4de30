//go:build fixture

// What the layout had room for before, for tests of upgrades from it and to
// it: everything behind the assignment's settings lies elsewhere, and so does
// everything behind the marks.

package board

const (
	MaxTargets      = 2048
	MaxRules        = 1024
	AffinityEntries = 1 << 16

	assignmentReserve = 128
)
