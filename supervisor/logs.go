// The master's logs: they are opened before anything else, and flushed at the end.
// Announcements reach stderr even without -d.

package supervisor

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/sink"
	"daemon/plug/worker/record"
)

// logs are where a master logs. The workers of all plugs write to the same places.
type logs struct {
	log       hclog.InterceptLogger
	stderr    *sink.Sink
	stderrOut outlet // stderr, for workers
	syslog    *sink.Syslog
	losses    logLosses

	level    int  // -d, or the level that an admin has set
	levelSet bool // an admin has set it
}

// openLogs opens syslog and stderr.
func (m *master) openLogs() error {
	cfg := m.cfg
	m.stderr = sink.New(sink.Bound, new(sink.Terminal).Write)
	if cfg.Foreground {
		out, err := within(openPatience, "stderr", func() (outlet, error) { return openOutlet(2, m.credential()) })
		if err != nil {
			return fmt.Errorf("stderr: %s", host.Reason(err))
		}
		m.stderrOut = out
	}
	s, err := sink.OpenSyslog(cfg.Syslog.Path, cfg.Syslog.UDP, m.tag(), m.pid)
	if err != nil {
		return err
	}
	m.syslog = s
	m.log = sink.NewLogger(cfg.Foreground, cfg.Debug, cfg.LogFormat == "json", m.stderr, s)
	for _, p := range m.plugs {
		p.log = m.log
	}
	return nil
}

// tag returns what this process's syslog records begin with.
func (m *master) tag() string {
	if m.cfg.File != "" {
		return "(" + m.cfg.File + ")"
	}
	return m.plugs[0].tag
}

// announce logs a line that also reaches stderr without -d: with -n it shows an
// admin that the plug serves.
func (m *master) announce(message string, args ...any) {
	if level := m.log.GetLevel(); m.cfg.Foreground && level > hclog.Info {
		m.log.SetLevel(hclog.Info)
		defer m.log.SetLevel(level)
	}
	m.log.Info(message, args...)
}

// startedFirst is how long a start waits until syslog has its first record, so
// that no worker's record comes before it.
const startedFirst = 50 * time.Millisecond

// How long each log may take to write the rest when a master ends. The next
// upgrade waits for the end of a master that was replaced.
const (
	flushLast     = 300 * time.Millisecond
	flushReplaced = 100 * time.Millisecond
)

// flush writes what was logged and is not written yet, if the logs are open.
func (m *master) flush(patience time.Duration) {
	var stderr sync.WaitGroup
	if m.stderr != nil {
		stderr.Go(func() { m.stderr.Flush(patience) })
	}
	if m.syslog != nil {
		m.syslog.Sink.Flush(patience)
	}
	stderr.Wait()
}

// inMs returns a duration as logs show it under a key that ends in _ms: in
// milliseconds, to the microsecond, in text and JSON alike.
func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// notice logs something that an admin should know, but need not act on: with -n at
// info, otherwise as a notice of syslog.
func (m *master) notice(what, why string) {
	if m.cfg.Foreground {
		m.log.Info(what, "reason", why)
		return
	}
	m.syslog.Text(record.Notice, m.pid, record.AppendError(nil, m.syslog.Tag, what, why))
}

func appendCount(text []byte, key string, n uint64) []byte {
	return strconv.AppendUint(append(text, key...), n, 10)
}
