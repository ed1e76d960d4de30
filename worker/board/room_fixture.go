//go:build fixture

// Smaller sizes, for tests of upgrades from and to an older version:
// everything after the assignment's settings lies elsewhere, and so does
// everything after the target states.

package board

const (
	TargetSlots     = 2048
	MaxRules        = 1024
	AffinityEntries = 1 << 16

	assignmentReserve = 72
)
