// The logger of the master: hclog, to stderr in the foreground, and otherwise to
// syslog as one of its sinks.

package sink

import (
	"io"

	"github.com/hashicorp/go-hclog"

	"daemon/plug/worker/record"
)

// NewLogger logs to stderr in the foreground, and to syslog otherwise. -d and
// -dd are the levels debug and trace.
func NewLogger(foreground bool, debug int, json bool, stderr io.Writer, syslog *Syslog) hclog.InterceptLogger {
	level := hclog.Warn
	switch {
	case debug >= 2:
		level = hclog.Trace
	case debug == 1:
		level = hclog.Debug
	}
	if !foreground {
		stderr = io.Discard
	}
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: record.Identity, Level: level, Output: stderr, JSONFormat: json})
	if !foreground {
		log.RegisterSink(syslog)
	}
	return log
}
