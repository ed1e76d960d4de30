// Tests of the pidfile's list: it follows the roster, changes are combined, and
// what happens if the file cannot be written or removed.

package supervisor

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"daemon/plug/supervisor/config"
)

// settings is the configuration of a master with one plug.
type settings struct {
	config.Process
	config.Plug
}

func newConfig() *settings {
	return &settings{Plug: config.Plug{Mode: config.Prefork, Listeners: []config.Source{{}}}}
}

// bareMaster returns a master with one plug that has opened nothing and logs nothing.
func bareMaster(cfg *settings) (*master, *plug) {
	m := newMaster(&cfg.Process, nil)
	m.log = hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard})
	cfg.Name = cfg.Label()
	return m, m.addPlug(&cfg.Plug)
}

// withPidfile returns a master with a pidfile and nothing else. The test controls its
// clock.
func withPidfile(t *testing.T) (m *master, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "plug.pid")
	m, _ = bareMaster(newConfig())
	if err := m.pidfile.claim(path, m.pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if m.pidfile.file != nil {
			m.pidfile.file.Close()
		}
	})
	return m, path
}

// addListed puts a listed worker on the roster.
func (m *master) addListed(pid int) *child {
	c := &child{pid: pid}
	m.roster = append(m.roster, c)
	m.plugs[0].list(c)
	return c
}

// pidfileText returns the content of the pidfile after the writer has answered.
func (m *master) pidfileText(t *testing.T, path string) string {
	t.Helper()
	select {
	case r := <-m.pidfile.results:
		m.pidfileWritten(r)
	case <-time.After(10 * time.Second):
		t.Fatal("the writer does not answer")
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func lines(pids ...int) (text string) {
	for _, pid := range pids {
		text += strconv.Itoa(pid) + "\n"
	}
	return text
}

func TestPidfileFollowsTheRoster(t *testing.T) {
	m, path := withPidfile(t)
	now := time.Unix(1000, 0)
	if m.writePidfile(now); m.pidfile.version != 0 {
		t.Fatal("written without a change")
	}
	b := m.addListed(700)
	m.addListed(600)
	noPID := m.addListed(0)
	m.writePidfile(now)
	if got := m.pidfileText(t, path); got != lines(m.pid, 700, 600) { // in the order of start, without the worker that has no PID yet
		t.Errorf("pidfile %q", got)
	}
	if !m.pidfile.due().IsZero() {
		t.Error("due without a change")
	}
	b.listed, m.pidfile.dirty = false, true
	noPID.pid, m.pidfile.dirty = 500, true
	m.writePidfile(now.Add(time.Second))
	if got := m.pidfileText(t, path); got != lines(m.pid, 600, 500) {
		t.Errorf("pidfile %q", got)
	}
}

// Changes within 10 ms are combined, and a new list waits for the answer to the
// previous one.
func TestCoalescing(t *testing.T) {
	m, path := withPidfile(t)
	now := time.Unix(1000, 0)
	m.addListed(11)
	m.writePidfile(now)
	m.addListed(12)
	if due := m.pidfile.due(); !due.IsZero() {
		t.Errorf("due at %v while a list is on its way", due)
	}
	if m.writePidfile(now.Add(time.Minute)); m.pidfile.version != 1 {
		t.Error("a second list went out before the first was written")
	}
	if got := m.pidfileText(t, path); got != lines(m.pid, 11) {
		t.Errorf("pidfile %q", got)
	}
	const promised = 10 * time.Millisecond
	if due := m.pidfile.due(); !due.Equal(now.Add(promised)) {
		t.Errorf("due at %v, want %v later", due, promised)
	}
	if m.writePidfile(now.Add(coalesce - 1)); m.pidfile.version != 1 {
		t.Error("written too soon")
	}
	m.addListed(13)
	if m.writePidfile(now.Add(coalesce)); m.pidfile.version != 2 {
		t.Error("not written when due")
	}
	if got := m.pidfileText(t, path); got != lines(m.pid, 11, 12, 13) {
		t.Errorf("pidfile %q", got)
	}
}

func TestWithoutAPidfile(t *testing.T) {
	m, _ := bareMaster(newConfig())
	if err := m.pidfile.claim("", 1); err != nil {
		t.Fatal(err)
	}
	m.addListed(11)
	m.writePidfile(time.Unix(1000, 0))
	if m.pidfile.version != 1 || m.pidfile.written != 1 {
		t.Error("no worker would ever be reaped")
	}
	m.removePidfile()
}

// A write that fails is logged once, and retried after a pause.
func TestBrokenPidfile(t *testing.T) {
	m, _ := withPidfile(t)
	log := new(countingSink)
	m.log.RegisterSink(log)
	m.pidfile.file.Close() // from here on, nothing can be written
	now := time.Now()
	m.addListed(11)
	for range 3 {
		before := time.Now()
		m.writePidfile(now)
		select {
		case r := <-m.pidfile.results:
			m.pidfileWritten(r)
		case <-time.After(10 * time.Second):
			t.Fatal("the writer does not answer")
		}
		due := m.pidfile.due()
		if due.Before(before.Add(100 * time.Millisecond)) {
			t.Errorf("tried again %v later", due.Sub(before))
		}
		now = due
	}
	if log.n != 1 {
		t.Errorf("logged %d times", log.n)
	}
}

type countingSink struct{ n int }

func (c *countingSink) Accept(string, hclog.Level, string, ...any) { c.n++ }

func TestRemovePidfile(t *testing.T) {
	m, path := withPidfile(t)
	m.addListed(11)
	m.writePidfile(time.Now()) // its answer has not come yet
	m.removePidfile()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the pidfile is still there: %v", err)
	}
	m.removePidfile()
	m.addListed(12)
	m.writePidfile(time.Now().Add(time.Second))
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the pidfile came back: %v", err)
	}
}
