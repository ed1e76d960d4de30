//go:build !fixture

package board

// version is the layouts' own. What follows grows them: a part of each row and
// column is yet unused.
const (
	version     = 2
	rowSpare    = 40
	columnSpare = 64
)
