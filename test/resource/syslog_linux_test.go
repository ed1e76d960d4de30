// TestResource: a syslog daemon that is gone or does not read.

package resource

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// tallySyslog is a syslog daemon that counts.
type tallySyslog struct {
	t    testing.TB
	path string
	conn *net.UnixConn

	mu      sync.Mutex // held while it must not read
	records int        // except those that report lost records
	ends    int        // ends of sessions
	lost    int        // lost records, as reported to it
	log     string     // the record that reported it
}

func (s *tallySyslog) listen() {
	s.t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.conn = c
	s.t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			s.mu.Lock()
			s.mu.Unlock()
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			s.add(string(buf[:n]))
		}
	}()
}

// gone ends it like a stopped daemon: its socket's file stays or not,
// depending on file.
func (s *tallySyslog) gone(file bool) {
	s.conn.Close()
	if !file {
		os.Remove(s.path)
	}
}

var (
	recordsLost = regexp.MustCompile(`\brecords=(\d+)`)
	completed   = regexp.MustCompile(`: Complete\.$`)
)

func (s *tallySyslog) add(datagram string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := harness.RecordForm.FindStringSubmatch(datagram)
	if m == nil {
		s.t.Errorf("no record: %q", datagram)
		return
	}
	if many := recordsLost.FindStringSubmatch(m[4]); many != nil {
		n, _ := strconv.Atoi(many[1])
		s.lost, s.log = s.lost+n, m[4]
		return
	}
	s.records++
	if completed.MatchString(m[4]) {
		s.ends++
	}
}

func (s *tallySyslog) tally() (records, ends, lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records, s.ends, s.lost
}

// sessionsIn counts the sessions that are served within a time, one after
// another.
func sessionsIn(t *testing.T, p *harness.Plug, d time.Duration) (n int) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		harness.ShortSession(t, p)
	}
	return n
}

// unheard tests a syslog daemon that accepts nothing for a while: sessions are
// served as before, and when it is back, a record tells how many were lost.
func unheard(t *testing.T, fail func(*tallySyslog, string), mend func(*tallySyslog), only ...string) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		s := &tallySyslog{t: t, path: filepath.Join(harness.OpenDir(t), "log")}
		s.listen()
		p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), "-l", "--syslog", s.path, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		const window = 250 * time.Millisecond
		heard := sessionsIn(t, p, window)
		// Records in transit when a socket is closed are lost without notice.
		harness.Await(t, "every record so far", harness.NormalWait, func() bool {
			records, _, lost := s.tally()
			return records+lost == 2*heard+1
		})
		fail(s, mode)
		deaf := sessionsIn(t, p, window)
		if deaf < heard/10 { // other programs use this machine, too
			t.Errorf("%d sessions in %v with syslog, %d without", heard, window, deaf)
		}
		mended := time.Now()
		mend(s)
		_, before, _ := s.tally()
		again := 0
		harness.Await(t, "the ends of sessions in syslog again", harness.NormalWait, func() bool {
			harness.ShortSession(t, p)
			again++
			_, ends, _ := s.tally()
			return ends > before
		})
		took := time.Since(mended)
		// For each session the connection and the end, plus the start.
		all := 2*(heard+deaf+again) + 1
		if !harness.HoldsWithin(3*time.Second, func() bool {
			records, _, lost := s.tally()
			return records+lost == all
		}) {
			records, _, lost := s.tally()
			t.Errorf("of %d records %d came, and %d are said to be lost", all, records, lost)
		}
		addEnding(p, s.log, took)
		p.Lines(heard + deaf + again)
	}, only...)
}

// Its socket is gone, as with a stopped daemon; the file may stay.
func syslogGone(t *testing.T) {
	unheard(t, func(s *tallySyslog, mode string) { s.gone(mode == "fork") }, func(s *tallySyslog) {
		os.Remove(s.path)
		s.listen()
	}, harness.InShort("fork", "pool")...)
}

// An unread datagram socket accepts only a few records (unix(7),
// net.unix.max_dgram_qlen).
func syslogBlocked(t *testing.T) {
	unheard(t, func(s *tallySyslog, _ string) { s.mu.Lock() }, func(s *tallySyslog) { s.mu.Unlock() }, harness.InShort("prefork", "pool")...)
}
