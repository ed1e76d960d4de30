// Whether workers are a pool's.

package board

// Pool reports whether the workers are a pool's: few, each with as many
// sessions as its descriptors allow, which may be only one.
func (a *Assignment) Pool() bool { return a.Options&OptPool != 0 }
