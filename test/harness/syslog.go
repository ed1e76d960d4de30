// Harness: a syslog daemon that keeps its records.

package harness

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Priorities in facility daemon (syslog(3), sys/syslog.h).
const (
	DaemonErr    = 3<<3 | 3
	DaemonNotice = 3<<3 | 5
)

// Record is a parsed syslog datagram.
type Record struct {
	Priority int
	PID      int
	Text     string
}

func (r Record) String() string { return fmt.Sprintf("<%d>plug[%d]: %s", r.Priority, r.PID, r.Text) }

// SyslogSink is a syslog daemon's socket that keeps what it receives.
type SyslogSink struct {
	t       testing.TB
	Path    string
	mu      sync.Mutex
	records []Record
}

// The form of what syslog(3) sends to /dev/log: priority, local time, identity
// with PID.
var RecordForm = regexp.MustCompile(`^<(\d{1,3})>([A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d) plug\[(\d+)\]: ([^\n]*)\n?\x00?$`)

// ListenSyslog starts a syslog daemon at path, until the test ends.
func ListenSyslog(t testing.TB, path string) *SyslogSink {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	// A daemon of another user logs, too.
	MakeWritable(t, path)
	c.SetReadBuffer(4 << 20)
	s := &SyslogSink{t: t, Path: path}
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
			t.Logf("syslog: %s", Tail(s.String(), 4000))
		}
	})
	return s
}

func (s *SyslogSink) add(datagram string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := RecordForm.FindStringSubmatch(datagram)
	if m == nil {
		s.t.Errorf("not a syslog record: %q", datagram)
		return
	}
	if _, err := time.Parse(time.Stamp, m[2]); err != nil {
		s.t.Errorf("time of syslog record %q: %v", datagram, err)
	}
	priority, _ := strconv.Atoi(m[1])
	pid, _ := strconv.Atoi(m[3])
	s.records = append(s.records, Record{priority, pid, m[4]})
}

// All returns the records so far.
func (s *SyslogSink) All() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Record(nil), s.records...)
}

func (s *SyslogSink) String() string {
	var b strings.Builder
	for _, r := range s.All() {
		b.WriteString("\n  " + r.String())
	}
	return b.String()
}

// Find returns the first record whose whole text matches.
func (s *SyslogSink) Find(pattern string) (Record, bool) {
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	for _, r := range s.All() {
		if re.MatchString(r.Text) {
			return r, true
		}
	}
	return Record{}, false
}

// Await waits for a record whose whole text matches, and returns it.
func (s *SyslogSink) Await(t testing.TB, pattern string) Record {
	t.Helper()
	var r Record
	Await(t, "a syslog record "+strconv.Quote(pattern), NormalWait, func() (ok bool) {
		r, ok = s.Find(pattern)
		return ok
	})
	return r
}

// Forget discards the plug's records so far.
func (p *Plug) Forget() {
	p.T.Helper()
	if err := os.Truncate(p.Sessions, 0); err != nil {
		p.T.Fatal(err)
	}
	p.Syslog.mu.Lock()
	defer p.Syslog.mu.Unlock()
	p.Syslog.records = nil
}
