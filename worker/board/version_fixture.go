//go:build fixture

package board

// The layout of the version before, for tests of upgrades from it and to it:
// rows and columns are shorter.
const (
	version     = 1
	rowSpare    = 8
	columnSpare = 0
)
