//go:build !fixture

// The sizes of the layout's tables in this version.

package board

const (
	TargetSlots     = 4096    // all that an affinity entry can name; a plug has fewer targets (config.MaxTargets)
	MaxRules        = 1024    // -a networks: config.MaxRules
	AffinityEntries = 1 << 16 // remembered clients of -f

	assignmentReserve = 576
)
