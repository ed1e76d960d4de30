//go:build !linux || portable

// Which options this engine does not have.

package worker

// Lacks names the options that this build's engine does not have, by their long names. A
// command line with one is refused. Whoever adds an option to the event loop alone adds it
// here.
var Lacks []string
