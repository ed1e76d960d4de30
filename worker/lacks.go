//go:build linux && !portable

// Which options this engine does not have.

package worker

// Lacks names the options that this build's engine does not have: none.
var Lacks []string
