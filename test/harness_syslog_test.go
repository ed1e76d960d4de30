// Harness: a syslog daemon that keeps its records.

package test

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Priorities in facility daemon (syslog(3), sys/syslog.h).
const (
	daemonErr    = 3<<3 | 3
	daemonNotice = 3<<3 | 5
)

// record is a parsed syslog datagram.
type record struct {
	priority int
	pid      int
	text     string
}

func (r record) String() string { return fmt.Sprintf("<%d>plug[%d]: %s", r.priority, r.pid, r.text) }

// syslogSink is a syslog daemon's socket that keeps what it receives.
type syslogSink struct {
	t       testing.TB
	path    string
	mu      sync.Mutex
	records []record
}

// The form of what syslog(3) sends to /dev/log: priority, local time, identity
// with PID.
var recordForm = regexp.MustCompile(`^<(\d{1,3})>([A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d) plug\[(\d+)\]: ([^\n]*)\n?\x00?$`)

func listenSyslog(t testing.TB, path string) *syslogSink {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	// A daemon of another user logs, too.
	makeWritable(t, path)
	c.SetReadBuffer(4 << 20)
	s := &syslogSink{t: t, path: path}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			s.add(string(buf[:n]))
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-ended
		if t.Failed() {
			t.Logf("syslog: %s", tail(s.String(), 4000))
		}
	})
	return s
}

func (s *syslogSink) add(datagram string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := recordForm.FindStringSubmatch(datagram)
	if m == nil {
		s.t.Errorf("not a syslog record: %q", datagram)
		return
	}
	if _, err := time.Parse(time.Stamp, m[2]); err != nil {
		s.t.Errorf("time of syslog record %q: %v", datagram, err)
	}
	priority, _ := strconv.Atoi(m[1])
	pid, _ := strconv.Atoi(m[3])
	s.records = append(s.records, record{priority, pid, m[4]})
}

func (s *syslogSink) all() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]record(nil), s.records...)
}

func (s *syslogSink) String() string {
	var b strings.Builder
	for _, r := range s.all() {
		b.WriteString("\n  " + r.String())
	}
	return b.String()
}

// find returns the first record whose whole text matches.
func (s *syslogSink) find(pattern string) (record, bool) {
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	for _, r := range s.all() {
		if re.MatchString(r.text) {
			return r, true
		}
	}
	return record{}, false
}

// await waits for a record whose whole text matches, and returns it.
func (s *syslogSink) await(t testing.TB, pattern string) record {
	t.Helper()
	var r record
	await(t, "a syslog record "+strconv.Quote(pattern), normalWait, func() (ok bool) {
		r, ok = s.find(pattern)
		return ok
	})
	return r
}
