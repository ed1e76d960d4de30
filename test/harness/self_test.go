// Tests of the harness, without a plug.

package harness

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The harness itself is tested here, without a plug.

func TestStreamCheckerFindsADifference(t *testing.T) {
	good := make([]byte, 100_000)
	io.ReadFull(Stream(7), good)
	if _, err := NewChecker(7).Write(good); err != nil {
		t.Error("its own stream:", err)
	}
	good[70_000] ^= 1
	_, err := NewChecker(7).Write(good)
	if err == nil || !strings.HasPrefix(err.Error(), "byte 70000 ") {
		t.Errorf("one changed bit: %v", err)
	}
}

func TestSendReceive(t *testing.T) {
	b := Serve(t, Anywhere, func(c *net.TCPConn) {
		if err := Receive(c, 1, 1<<20); err != nil {
			t.Error(err)
		}
		Send(c, 2, 1<<20)
	})
	c := Dial(t, b.Addr())
	Both(t, func() error { return Send(c, 1, 1<<20) }, func() error { return Receive(c, 2, 1<<20) })
	short := Dial(t, Serve(t, Anywhere, func(c *net.TCPConn) { Send(c, 2, 999) }).Addr())
	if err := Receive(short, 2, 1000); err == nil {
		t.Error("a cut transfer passes for whole")
	}
}

func TestBackends(t *testing.T) {
	c := Dial(t, Serve(t, Anywhere, Echo).Addr())
	MustPing(t, c)
	if err := Finish(c); err != nil {
		t.Error("echo:", err)
	}
	if got := Greeting(t, "127.0.0.9", Serve(t, Anywhere, Greet("me")).Addr()); got != "me" {
		t.Errorf("greet says %q", got)
	}
	c = Dial(t, Serve(t, Anywhere, Resetter).Addr())
	MustPing(t, c)
	c.Write([]byte{'.'})
	if _, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("resetter: %v", err)
	}
	if _, err := DialFrom("", Refusing(t)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refusing: %v", err)
	}
	s := ListenSilent(t)
	if c, err := net.DialTimeout("tcp", s.Addr(), 300*time.Millisecond); err == nil {
		c.Close()
		t.Error("silent: it answers")
	}
	b := s.Open(Echo)
	MustPing(t, Dial(t, s.Addr()))
	if n := b.Accepted.Load(); n != 1 {
		t.Errorf("the opened target counts %d connections, not 1", n)
	}
}

func TestProcReaders(t *testing.T) {
	exe := OpenDir(t) + "/sleeper"
	path, err := exec.LookPath("sleep")
	if err == nil {
		err = CopyFile(path, exe)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "60")
	cmd.Env = []string{"B=2", "A=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	all := ProcessesOf(exe)
	if len(all) != 1 {
		t.Fatalf("processes: %v", all)
	}
	q := all[0]
	if q.PID != cmd.Process.Pid || q.PPID != os.Getpid() || q.PGID != q.PID || q.Comm != "sleeper" || q.Title != exe+" 60" {
		t.Errorf("process: %v, group %d", q, q.PGID)
	}
	if env := Environment(q.PID); len(env) != 2 || env[0] != "A=1" || env[1] != "B=2" {
		t.Errorf("environment: %q", env)
	}
	if fds := Descriptors(q.PID); fds[0] != "/dev/null" || fds[2] != "/dev/null" {
		t.Errorf("descriptors: %v", fds)
	}
	if len(Tasks(q.PID)) != 1 || RSS(q.PID) == 0 || CPU(q.PID) == 0 {
		t.Errorf("tasks %v, rss %d, cpu %v", Tasks(q.PID), RSS(q.PID), CPU(q.PID))
	}
	if SignalMask(t, os.Getpid(), "SigCgt")&(1<<(syscall.SIGTERM-1)) == 0 {
		t.Error("the mask lacks the handler that Go has for TERM")
	}
	ln := Serve(t, Anywhere, Sink)
	if !Listening(t, ln.Port) || Listening(t, FreePort(t)) {
		t.Error("listening ports are not told apart")
	}
}

func TestSessionLineForm(t *testing.T) {
	l, err := ParseSessionLine("[2026-11-22 17:30:00] plug[4711] [::1]:119 ::1 [::1]:1119 12 34 5600000")
	if err != nil || l.PID != 4711 || l.Listen != "[::1]:119" || l.Peer != "::1" || l.Target != "[::1]:1119" ||
		l.In != 12 || l.Out != 34 || l.Took != 5600*time.Millisecond || l.Ended.Second() != 0 {
		t.Errorf("%+v, %v", l, err)
	}
	for _, s := range []string{
		"",
		"[2026-11-22 17:30:00] plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34",
		"[2026-11-22 17:30:00]  plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34 5",
		"[2026-11-22 17:30:00] plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34 5.0",
		"[2026-13-22 17:30:00] plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34 5",
	} {
		if _, err := ParseSessionLine(s); err == nil {
			t.Errorf("passes: %q", s)
		}
	}
}

func TestSyslogSink(t *testing.T) {
	s := ListenSyslog(t, OpenDir(t)+"/log")
	c, err := net.Dial("unixgram", s.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "<29>Nov  2 07:30:00 plug[4711]: (119): Complete.")
	if r := s.Await(t, `\(119\): Complete\.`); r.Priority != DaemonNotice || r.PID != 4711 {
		t.Errorf("%v", r)
	}
}

func TestPidfileForm(t *testing.T) {
	for in, want := range map[string]string{
		"1\n":          "[1] <nil>",
		"12\n3\n":      "[12 3] <nil>",
		"":             "[] pidfile: empty",
		"12":           `[] pidfile: cut at "12"`,
		"12\n3":        `[] pidfile: cut at "3"`,
		"12\n\n":       `[] pidfile: not a PID: "\n"`,
		"012\n":        `[] pidfile: not a PID: "012\n"`,
		"-1\n":         `[] pidfile: not a PID: "-1\n"`,
		"7\n8\n7\n":    `[] pidfile: 7 twice`,
		"7 8\n":        `[] pidfile: not a PID: "7 8\n"`,
		"12\x00\x00\n": `[] pidfile: not a PID: "12\x00\x00\n"`,
	} {
		pids, err := parsePids(in)
		if got := fmt.Sprint(pids, " ", err); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
