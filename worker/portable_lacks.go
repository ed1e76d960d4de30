//go:build !linux || portable

// Which options this engine does not have.

package worker

// Lacks names the options that this build's engine does not have, by their long names. A
// command line with one of them is refused. An option that only the event loop supports
// must be added here.
var Lacks = []string{
	"keepalive-idle", "keepalive-every", "keepalive-count", "keepalive-of",
	"user-timeout", "user-timeout-of", "dscp",
}
