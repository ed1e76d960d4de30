//go:build !fixture

// The sizes of the layout's tables in this version.

package board

const (
	MaxTargets      = 4096    // slots
	MaxRules        = 1024    // -a networks
	AffinityEntries = 1 << 16 // remembered clients of -f

	assignmentReserve = 640
)
