// The master's logs: they are opened before anything else, and flushed at the end.
// Announcements reach stderr without -d.

package supervisor

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/worker/record"
)

// openLogs opens syslog and stderr.
func (m *master) openLogs() error {
	cfg := m.cfg
	m.stderr = newSink(logBound, new(terminalWriter).write)
	if cfg.Foreground {
		out, err := within(openPatience, "stderr", func() (outlet, error) { return m.openOutlet(2) })
		if err != nil {
			return fmt.Errorf("stderr: %s", host.Reason(err))
		}
		m.stderrOut = out
	}
	s := &syslogSink{tag: m.tag, pid: m.pid}
	family := unix.AF_UNIX
	s.to, s.path = &unix.SockaddrUnix{Name: cfg.Syslog.Path}, cfg.Syslog.Path
	if at := cfg.Syslog.UDP; at.IsValid() {
		family = unix.AF_INET6
		if at.Addr().Is4() {
			family = unix.AF_INET
		}
		s.to, s.path = host.Sockaddr(at), ""
		if at.Addr().Zone() != "" {
			s.zoned = at
		}
		s.host = shortHost()
	}
	var err error
	if s.fd, err = host.Socket(family, unix.SOCK_DGRAM); err != nil {
		return fmt.Errorf("syslog socket: %s", host.Reason(err))
	}
	s.sink = newSink(logBound, s.transmit)
	m.syslog = s
	m.log = newLogger(cfg.Foreground, cfg.Debug, cfg.LogFormat == "json", m.stderr, s)
	return nil
}

// shortHost is this host's name in syslog over UDP.
func shortHost() string {
	host, _ := os.Hostname()
	return record.ShortHost(host)
}

// announce logs a line that stderr gets without -d, too: with -n it shows an admin
// that the plug serves.
func (m *master) announce(message string, args ...any) {
	if level := m.log.GetLevel(); m.cfg.Foreground && level > hclog.Info {
		m.log.SetLevel(hclog.Info)
		defer m.log.SetLevel(level)
	}
	m.log.Info(message, args...)
}

// startedFirst is how long a start waits for syslog to have its first record, so that no
// worker's comes before it.
const startedFirst = 50 * time.Millisecond

// How long each log may take for what is left, when a master ends. The next
// upgrade waits for the end of one that was replaced.
const (
	flushLast     = 300 * time.Millisecond
	flushReplaced = 100 * time.Millisecond
)

// flush writes what was logged and not written yet, as far as the logs are open.
func (m *master) flush(patience time.Duration) {
	var stderr sync.WaitGroup
	if m.stderr != nil {
		stderr.Go(func() { m.stderr.flush(patience) })
	}
	if m.syslog != nil {
		m.syslog.sink.flush(patience)
	}
	stderr.Wait()
}
