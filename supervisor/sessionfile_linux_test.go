// Tests of the session file: rotation, full disks, FIFOs, and lines that wait for
// space.

package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/report"
)

// received returns what came over the worker's lifeline: orders, and descriptors.
func (a *testWorker) received(t *testing.T) (orders string, fds []int) {
	t.Helper()
	p, oob := make([]byte, 100), make([]byte, unix.CmsgSpace(4*4))
	for {
		n, m, _, _, err := unix.Recvmsg(a.lifeline, p, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err != nil || n == 0 {
			return orders, fds
		}
		orders += string(p[:n])
		messages, _ := unix.ParseSocketControlMessage(oob[:m])
		for i := range messages {
			got, err := unix.ParseUnixRights(&messages[i])
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, got...)
		}
	}
}

// sameFile reports whether a descriptor is the file at a path.
func sameFile(fd int, path string) bool {
	var a, b unix.Stat_t
	return unix.Fstat(fd, &a) == nil && unix.Stat(path, &b) == nil && a.Ino == b.Ino && a.Dev == b.Dev
}

// The session file is opened again, under the same number, and workers get the new
// descriptor; nothing is opened again without a reason.
func TestReopen(t *testing.T) {
	for name, trigger := range map[string]func(s *testMaster){
		"HUP":  func(s *testMaster) { s.signal(syscall.SIGHUP) },
		"USR1": func(s *testMaster) { s.signal(syscall.SIGUSR1) },
		"the tick": func(s *testMaster) {
			for range checkEvery {
				s.tick(time.Now())
			}
		},
	} {
		s, all := serving(t, nil)
		all[0].orders()
		all[1].orders()
		s.plug.sessionFile.write([]byte("to the old file\n"))
		s.sessionLines(1)
		if err := os.Rename(s.path, s.path+".1"); err != nil {
			t.Fatal(err)
		}
		number := s.plug.sessionFile.fd
		trigger(s)
		s.runAsides()
		if !sameFile(s.plug.sessionFile.fd, s.path) {
			t.Errorf("%s: not reopened", name)
			continue
		}
		if s.plug.sessionFile.fd != number { // workers that are being started have been given this number
			t.Errorf("%s: the file was descriptor %d and is %d", name, number, s.plug.sessionFile.fd)
		}
		for _, a := range all {
			orders, fds := a.received(t)
			checkEqual(t, name+": the worker's orders", orders, string(rune(report.Session)))
			if len(fds) != 1 {
				t.Fatalf("%s: the worker got %d descriptors, want 1", name, len(fds))
			}
			if !sameFile(fds[0], s.path) {
				t.Errorf("%s: the worker got another file", name)
			}
			for _, fd := range fds {
				if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_APPEND == 0 {
					t.Errorf("%s: workers would write over each other", name)
				}
				unix.Close(fd)
			}
		}
		s.plug.sessionFile.write([]byte("to the new file\n"))
		if line := s.sessionLines(1)[0]; line != "to the new file" {
			t.Errorf("%s: line %q", name, line)
		}
		for range 2 * checkEvery {
			s.tick(time.Now())
			s.runAsides()
		}
		if orders, _ := all[0].received(t); orders != "" {
			t.Errorf("%s: reopened again: %q", name, orders)
		}
	}
}

// If the file cannot be opened again, the old one stays in use. That is logged
// once, and again each time an admin asks.
func TestReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, all := serving(t, func(c *settings) { c.SessionLog = dir + "/sessions" })
	all[0].orders()
	before := s.plug.sessionFile.fd
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		s.runAsides()
		s.syslog.Sink.Flush(patience)
		return strings.Count(strings.Join(s.syslogLines.all(), "\n"), "reopen")
	}
	for range 3 * checkEvery {
		s.tick(time.Now())
		s.runAsides()
	}
	if n := count(); n != 1 {
		t.Errorf("logged %d times: %q", n, s.syslogLines.all())
	}
	for i := range 3 {
		s.signal(syscall.SIGUSR1)
		if n := count(); n != i+2 {
			t.Errorf("logged %d times after %d USR1: %q", n, i+1, s.syslogLines.all())
		}
	}
	if s.plug.sessionFile.fd != before || all[0].told(report.Session) {
		t.Error("the old file is no longer used")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGUSR1)
	s.runAsides()
	if !sameFile(s.plug.sessionFile.fd, s.path) {
		t.Error("not reopened when it could be")
	}
}

// Standard output, and no session file at all, are not opened again.
func TestSessionFilesThatStay(t *testing.T) {
	for _, path := range []string{"", "-"} {
		m, p := bareMaster(&settings{Plug: config.Plug{SessionLog: path}})
		if err := p.openSessionFile(); err != nil {
			t.Fatal(err)
		}
		p.reopen(true, func(err error) {
			if err != nil {
				t.Errorf("%q: %v", path, err)
			}
		})
		f := &p.sessionFile
		if len(m.asides) > 0 || (f.fd >= 0) != (path == "-") {
			t.Errorf("%q: descriptor %d, opened again: %v", path, f.fd, m.asides)
		}
		if path == "" {
			f.write([]byte("nowhere\n"))
			if f.close() != 0 {
				t.Error("lines lost without a file")
			}
		}
	}
}

func TestSessionFileErrors(t *testing.T) {
	fifo := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{t.TempDir() + "/no/such/file": ": No such file or directory", fifo: ": no process is reading this FIFO"} {
		err := (&plug{cfg: &config.Plug{SessionLog: path}}).openSessionFile()
		if err == nil {
			t.Errorf("%s: no error, want %q", path, want)
			continue
		}
		if reason := host.Reason(err); !strings.HasPrefix(reason, "session file ") || !strings.HasSuffix(reason, want) {
			t.Errorf("%s: %q, want %q and %q", path, reason, "session file ", want)
		}
	}
}

// A full disk is logged once for each line that cannot be written; lines wait, and
// those still waiting at the end are counted.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	var r records
	_, p := bareMaster(newConfig())
	open := func(path string) outlet {
		out, err := openPath(path, p.credential())
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	f := sessionFile{fail: func(err error) { r.write([]byte(host.Reason(err))) }}
	f.use(open("/dev/full"))
	f.write([]byte("one\n"))
	f.write([]byte("two\n"))
	until(t, "it is logged", func() bool { return len(r.all()) > 0 })
	path := t.TempDir() + "/room"
	if err := f.replace(open(path)); err != nil { // the admin has made room
		t.Fatal(err)
	}
	until(t, "the lines that waited are written", func() bool {
		text, _ := os.ReadFile(path)
		return string(text) == "one\ntwo\n"
	})
	if err := f.replace(open("/dev/full")); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("three\n"))
	f.write([]byte("four\n"))
	if lost := f.close(); lost != 2 {
		t.Errorf("%d lines lost, want 2", lost)
	}
	if got := r.all(); got[0] != "No space left on device" {
		t.Errorf("logged %q", got)
	}
}

// Readers of the file, and other writers, always find whole lines. A socket shows
// where one write ends and the next begins.
func TestLineIsOneWrite(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	const line = "[2026-11-22 17:30:00] plug[4711] 119 10.0.0.1 10.0.0.2:119 1 2 3\n"
	if _, err := (&sessionFile{fd: pair[0]}).tryAppend([]byte(line)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 200)
	if n, err := unix.Read(pair[1], p); err != nil || string(p[:n]) != line {
		t.Errorf("the first write is %q, %v", p[:n], err)
	}
}
