package board

// Pool reports whether workers are a pool's: few, each for as many sessions as its
// descriptors allow, which may be a single one.
func (a *Assignment) Pool() bool { return a.Options&OptPool != 0 }
