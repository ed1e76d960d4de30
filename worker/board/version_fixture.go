//go:build fixture

package board

// The layout of the version before, for tests of upgrades from it and to it:
// rows and columns are shorter.
const (
	version  = 1
	rowSpare = 8
)

// rowMore and columnMore take no room, and keep nothing.
type (
	rowMore struct {
		Cause   nowhere[uint32]
		Counted nowhere[uint32]
		Moved   nowhere[uint64]
		First   nowhere[int64]
	}
	columnMore     struct{}
	nowhere[T any] struct{}
)

func (nowhere[T]) Store(T)        {}
func (nowhere[T]) Load() (none T) { return none }
