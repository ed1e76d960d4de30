// Tests that no blocked descriptor of a worker or master stops the plug.

package test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// descriptorKinds are the descriptors of workers and masters, and why none of
// them makes its owner wait. TestBlockedDescriptors blocks those that lead
// outside the plug; when you add one, say here how it is blocked.
var descriptorKinds = map[string][]struct{ is, why string }{
	"worker": {
		{`^[012] /dev/null$`, "takes everything"},
		{`^1 pipe:`, "stdout: a worker does not write to it"},
		{`^2 pipe:`, "stderr: opened again with O_NONBLOCK; blocked: full"},
		{`^3 socket:`, "lifeline: read with MSG_DONTWAIT; blocked: the master is stopped"},
		{`^4 pipe:`, "report pipe: O_NONBLOCK; blocked: the master is stopped"},
		{`^[56] /memfd:`, "memory"},
		{`^7 pipe:`, "session lines: opened again with O_NONBLOCK; blocked: full"},
		{`^8 socket:`, "syslog: MSG_DONTWAIT; blocked: nobody reads"},
		{`^9 socket:`, "listener: does not block"},
		{`^\d+ socket:`, "clients and targets: do not block"},
		{`^\d+ anon_inode:\[(eventpoll|timerfd|eventfd|io_uring)\]`, "this process's own"},
		{`^\d+ pipe:`, "for splice(2): O_NONBLOCK"},
	},
	"master": {
		{`/dev/null$`, "takes everything"},
		{`^[12] pipe:`, "stdout, stderr: written by goroutines; blocked: full"},
		{` pipe:`, "report pipe, and stdout and stderr opened again: O_NONBLOCK"},
		{` /memfd:`, "memory"},
		{` anon_inode:`, "this process's own"},
		{` .*/pid$`, "pidfile: written by a goroutine; blocked: TestHangingDisk"},
		{` socket:`, "listener, lifelines, control and its clients, and syslog, by a goroutine: do not block; blocked: see below. The shepherd: 100 ms; blocked: stopped"},
	},
}

// known checks that descriptorKinds has each descriptor of a process.
func known(t *testing.T, kind string, pid int) {
	t.Helper()
	has := harness.Descriptors(pid)
	for _, fd := range slices.Sorted(maps.Keys(has)) {
		text := fmt.Sprintf("%d %s", fd, has[fd])
		if !slices.ContainsFunc(descriptorKinds[kind], func(k struct{ is, why string }) bool {
			return regexp.MustCompile(k.is).MatchString(text)
		}) {
			t.Errorf("%s has the descriptor %q, and nothing says how it is blocked", kind, text)
		}
	}
}

// deaf is the path of a datagram socket that no process reads.
func deaf(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return path
}

// The descriptors of a worker and of the master that lead outside are blocked
// one after another, until all are. Meanwhile a session that pings continues,
// new ones are served, status answers, and TERM ends the daemon in time.
func TestBlockedDescriptors(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		_, stdout := harness.StuckPipe(t)
		_, stderr := harness.StuckPipe(t)
		p := harness.Prepare(t, mode, harness.WithControl("-n", "-l", "--log-format", "json", "-S", "-", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Args[slices.Index(p.Args, "--syslog")+1] = deaf(t, p.Dir, "deaf")
		notify := deaf(t, p.Dir, "notify")
		p.Launch(func(c *exec.Cmd) {
			c.Stdout, c.Stderr = stdout, stderr
			c.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify, "WATCHDOG_USEC=400000")
		})
		harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
		held := harness.HeldBy(t, p)
		pid := p.CtlJSON("sessions").Sessions[0].PID
		known(t, "worker", pid)
		known(t, "master", p.Master)
		for _, blocked := range []struct {
			name string
			do   func()
		}{
			{"stdout, stderr, syslog and the service manager", func() { p.CtlText("log-level", "2") }},
			{"a client of the control socket", func() {
				c, err := net.Dial("unix", p.Ctl())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				c.SetWriteDeadline(time.Now().Add(time.Second))
				for range 1000 { // until unread answers fill its socket
					if _, err := c.Write([]byte(`{"version":1,"verb":"metrics"}` + "\n")); err != nil {
						break
					}
				}
			}},
			{"the shepherd", func() { harness.StopProcess(t, p.Cmd.Process.Pid) }},
		} {
			t.Log("blocked:", blocked.name)
			blocked.do()
			harness.GoesOn(t, p, held)
		}
		p.Daemon = true // the shepherd does not relay signals now
		harness.EndsByTerm(t, p)
		p.Daemon = false
		syscall.Kill(p.Cmd.Process.Pid, syscall.SIGCONT)
		if err := held(); err != nil {
			t.Errorf("the held session: %v", err)
		}
		if strings.Contains(p.Errors(), "goroutine ") {
			t.Error(p.Errors())
		}
	})
}
