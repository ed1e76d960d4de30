// Where logs go: sinks with a goroutine each, the logger, and records for syslog.
// A sink that is stuck blocks nobody.

package supervisor

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/worker/record"
)

// sink writes from a goroutine of its own, so that a blocked terminal, disk or
// syslog never blocks the loop. Records are written whole and in order.
type sink struct {
	mu      sync.Mutex
	more    *sync.Cond
	queue   [][]byte
	bound   int // records that may wait; beyond it new ones are dropped. 0 is no bound
	busy    bool
	current []byte // being written
	dropped atomic.Uint64
	write   func([]byte)
}

func newSink(bound int, write func([]byte)) *sink {
	s := &sink{bound: bound, write: write}
	s.more = sync.NewCond(&s.mu)
	go s.run()
	return s
}

func (s *sink) put(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound > 0 && len(s.queue) >= s.bound {
		s.dropped.Add(1)
		return
	}
	s.queue = append(s.queue, p)
	s.more.Signal()
}

func (s *sink) run() {
	s.mu.Lock()
	for {
		for len(s.queue) == 0 {
			s.busy = false
			s.more.Wait()
		}
		s.current, s.busy = s.queue[0], true
		s.queue = s.queue[1:]
		s.mu.Unlock()
		s.write(s.current)
		s.mu.Lock()
		s.current = nil
	}
}

// waiting are the records that a stuck writer has not got rid of.
func (s *sink) waiting() [][]byte {
	s.flush(20 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return slices.Clone(s.queue)
	}
	return append([][]byte{s.current}, s.queue...)
}

// queued is how many records are not written yet, that which is being written
// included.
func (s *sink) queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.queue)
	if s.current != nil {
		n++
	}
	return n
}

// flush waits until everything is written, but not for ever.
func (s *sink) flush(patience time.Duration) bool {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		idle := len(s.queue) == 0 && !s.busy
		s.mu.Unlock()
		if idle || time.Now().After(end) {
			return idle
		}
	}
}

// Write makes a sink hclog's output.
func (s *sink) Write(p []byte) (int, error) {
	s.put(append([]byte(nil), p...))
	return len(p), nil
}

// logBound is how many log records may wait for a slow reader.
const logBound = 4096

// newLogger logs to stderr in the foreground, and to syslog otherwise. -d and
// -dd are the levels debug and trace.
func newLogger(foreground bool, debug int, json bool, stderr io.Writer, syslog *syslogSink) hclog.InterceptLogger {
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

// syslogSink frames records for syslog, as a sink of hclog's levels and for the
// texts of ORIGINAL's table.
type syslogSink struct {
	sink *sink
	fd   int // datagram socket, not connected; also passed on to workers
	tag  string
	host string
	to   unix.Sockaddr
	path string // of the socket; empty with UDP

	zoned netip.AddrPort // whose interface may be made again; else not valid

	pid int

	behind bool // the last record was given up (the sink's goroutine)
}

// fullFor is how long a syslog daemon that is behind is waited for. Its queue is
// short (unix(7), max_dgram_qlen), and a burst of records is soon longer.
const fullFor = time.Second

// transmit sends one record (the sink's goroutine). One that nobody takes is
// dropped and counted; those after it are then tried only once, until one is
// taken, so that a blocked syslog costs no more than that second.
func (s *syslogSink) transmit(p []byte) {
	to := s.to
	if s.zoned.IsValid() {
		to = host.Sockaddr(s.zoned)
	}
	for waited, pause := time.Duration(0), time.Millisecond; ; pause *= 2 {
		err := unix.Sendto(s.fd, p, unix.MSG_NOSIGNAL, to)
		switch {
		case err == nil:
			s.behind = false
			return
		case err == unix.EINTR:
			continue
		case err != unix.EAGAIN && err != unix.ENOBUFS || s.behind || waited+pause > fullFor:
			s.behind = true
			s.sink.dropped.Add(1)
			return
		}
		time.Sleep(pause)
		waited += pause
	}
}

// Accept is hclog's: warnings and errors, as "TAG: WHAT: REASON".
func (s *syslogSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	if level < hclog.Warn {
		return
	}
	text, why := msg, ""
	var rest strings.Builder
	for i := 0; i+1 < len(args); i += 2 {
		key, value := toText(args[i]), toText(args[i+1])
		if key == "error" || key == "reason" {
			why = value
			continue
		}
		rest.WriteString(" " + key + "=" + value)
	}
	severity := record.Err
	if level == hclog.Warn {
		severity = record.Warning
	}
	what := text + rest.String()
	if why == "" {
		s.text(severity, s.pid, []byte(s.tag+": "+what))
		return
	}
	s.text(severity, s.pid, record.AppendError(nil, s.tag, what, why))
}

// text sends one record of the process pid.
func (s *syslogSink) text(severity record.Severity, pid int, text []byte) {
	now := time.Now()
	_, offset := now.Zone()
	s.sink.put(record.AppendSyslog(nil, severity, now.Unix(), int32(offset), s.host, pid, text))
}

// inMs is a span as logs have it, with a key that ends in _ms: in milliseconds, to
// the microsecond, in text and JSON alike.
func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// notice logs what an admin should find, and need not do anything about: with -n
// at info, else as a notice of syslog.
func (m *master) notice(what, why string) {
	if m.cfg.Foreground {
		m.log.Info(what, "reason", why)
		return
	}
	m.syslog.text(record.Notice, m.pid, record.AppendError(nil, m.tag, what, why))
}

func appendCount(text []byte, key string, n uint64) []byte {
	return strconv.AppendUint(append(text, key...), n, 10)
}

func toText(v any) string {
	if err, ok := v.(error); ok {
		return host.Reason(err)
	}
	return fmt.Sprint(v)
}
