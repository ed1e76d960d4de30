// Tests of the harness, without a plug.

package test

import (
	"errors"
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
	io.ReadFull(stream(7), good)
	if _, err := newChecker(7).Write(good); err != nil {
		t.Error("its own stream:", err)
	}
	good[70_000] ^= 1
	_, err := newChecker(7).Write(good)
	if err == nil || !strings.HasPrefix(err.Error(), "byte 70000 ") {
		t.Errorf("one changed bit: %v", err)
	}
}

func TestSendReceive(t *testing.T) {
	b := serve(t, anywhere, func(c *net.TCPConn) {
		if err := receive(c, 1, 1<<20); err != nil {
			t.Error(err)
		}
		send(c, 2, 1<<20)
	})
	c := dial(t, b.addr())
	both(t, func() error { return send(c, 1, 1<<20) }, func() error { return receive(c, 2, 1<<20) })
	short := dial(t, serve(t, anywhere, func(c *net.TCPConn) { send(c, 2, 999) }).addr())
	if err := receive(short, 2, 1000); err == nil {
		t.Error("a cut transfer passes for whole")
	}
}

func TestBackends(t *testing.T) {
	c := dial(t, serve(t, anywhere, echo).addr())
	mustPing(t, c)
	if err := finish(c); err != nil {
		t.Error("echo:", err)
	}
	if got := greeting(t, "127.0.0.9", serve(t, anywhere, greet("me")).addr()); got != "me" {
		t.Errorf("greet says %q", got)
	}
	c = dial(t, serve(t, anywhere, resetter).addr())
	mustPing(t, c)
	c.Write([]byte{'.'})
	if _, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("resetter: %v", err)
	}
	if _, err := dialFrom("", refusing(t)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refusing: %v", err)
	}
	s := listenSilent(t)
	if c, err := net.DialTimeout("tcp", s.addr(), 300*time.Millisecond); err == nil {
		c.Close()
		t.Error("silent: it answers")
	}
	b := s.open(echo)
	mustPing(t, dial(t, s.addr()))
	if n := b.accepted.Load(); n != 1 {
		t.Errorf("the opened target counts %d connections, not 1", n)
	}
}

func TestProcReaders(t *testing.T) {
	exe := openDir(t) + "/sleeper"
	path, err := exec.LookPath("sleep")
	if err == nil {
		err = copyFile(path, exe)
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
	all := processesOf(exe)
	if len(all) != 1 {
		t.Fatalf("processes: %v", all)
	}
	q := all[0]
	if q.pid != cmd.Process.Pid || q.ppid != os.Getpid() || q.pgid != q.pid || q.comm != "sleeper" || q.title != exe+" 60" {
		t.Errorf("process: %v, group %d", q, q.pgid)
	}
	if env := environment(q.pid); len(env) != 2 || env[0] != "A=1" || env[1] != "B=2" {
		t.Errorf("environment: %q", env)
	}
	if fds := descriptors(q.pid); fds[0] != "/dev/null" || fds[2] != "/dev/null" {
		t.Errorf("descriptors: %v", fds)
	}
	if len(tasks(q.pid)) != 1 || rss(q.pid) == 0 || cpu(q.pid) == 0 {
		t.Errorf("tasks %v, rss %d, cpu %v", tasks(q.pid), rss(q.pid), cpu(q.pid))
	}
	if mask(t, os.Getpid(), "SigCgt")&(1<<(syscall.SIGTERM-1)) == 0 {
		t.Error("the mask lacks the handler that Go has for TERM")
	}
	ln := serve(t, anywhere, sink)
	if !listening(t, ln.port) || listening(t, freePort(t)) {
		t.Error("listening ports are not told apart")
	}
}

func TestSessionLineForm(t *testing.T) {
	l, err := parseSessionLine("[2026-11-22 17:30:00] plug[4711] [::1]:119 ::1 [::1]:1119 12 34 5600000")
	if err != nil || l.pid != 4711 || l.listen != "[::1]:119" || l.peer != "::1" || l.target != "[::1]:1119" ||
		l.in != 12 || l.out != 34 || l.took != 5600*time.Millisecond || l.ended.Second() != 0 {
		t.Errorf("%+v, %v", l, err)
	}
	for _, s := range []string{
		"",
		"[2026-11-22 17:30:00] plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34",
		"[2026-11-22 17:30:00]  plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34 5",
		"[2026-11-22 17:30:00] plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34 5.0",
		"[2026-13-22 17:30:00] plug[4711] 119 10.0.0.1 10.0.0.2:119 12 34 5",
	} {
		if _, err := parseSessionLine(s); err == nil {
			t.Errorf("passes: %q", s)
		}
	}
}

func TestSyslogSink(t *testing.T) {
	s := listenSyslog(t, openDir(t)+"/log")
	c, err := net.Dial("unixgram", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "<29>Nov  2 07:30:00 plug[4711]: (119): Complete.")
	if r := s.await(t, `\(119\): Complete\.`); r.priority != daemonNotice || r.pid != 4711 {
		t.Errorf("%v", r)
	}
}
