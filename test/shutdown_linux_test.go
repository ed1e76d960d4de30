// Tests of a listener that another process shuts down.

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

const (
	toldWithin  = time.Second     // until an error is logged
	backWithin  = 5 * time.Second // until clients are served again, or the plug has ended with 4
	mostStarted = 50              // workers in the meantime
)

// TestListenerShutDown has another process shut the plug's listener down: the
// plug logs it, and either serves again or ends. Sessions are not affected.
func TestListenerShutDown(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	for _, how := range []struct {
		name string
		down func(*testing.T, *harness.Plug)
	}{
		{"ss -K", shutByDiag},
		{"who holds a descriptor", shutByHolder},
	} {
		t.Run(how.name, func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := harness.Start(t, mode, append(harness.TightArgs(mode), harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)...)
				held := harness.Dial(t, p.Addr())
				harness.MustPing(t, held)
				before := started(p)
				for range 3 {
					how.down(t, p)
					harness.Await(t, "the port to be open again", backWithin, func() bool { return harness.Opened(p.Port) })
				}
				recovers(t, p, before)
				harness.MustPing(t, held)
				harness.Finish(held)
				if s := p.Asks("status", nil).Status; s.Phase != "running" || s.Trouble != "" {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
	t.Run("a plug without workers", shutWithoutWorkers)
	t.Run("paused", shutWhilePaused)
	t.Run("of a service manager", shutOfManager)
	t.Run("at a port that the kernel has chosen", shutAtAnyPort)
	t.Run("taken by another process", shutAndTaken)
}

func shutWithoutWorkers(t *testing.T) {
	p := harness.Start(t, "prefork", harness.WithControl("--spares", "0:2", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	shutByHolder(t, p)
	recovers(t, p, 0)
}

func shutWhilePaused(t *testing.T) {
	p := harness.Start(t, "prefork", harness.WithControl("--spares", "2:2", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Asks("accept", harness.Fields{"state": "paused"})
	before := started(p)
	shutByHolder(t, p)
	harness.Await(t, "the port to be open again", backWithin, func() bool { return harness.Opened(p.Port) })
	c := harness.Dial(t, p.Addr())
	p.Asks("accept", harness.Fields{"state": "open"})
	harness.MustPing(t, c)
	recovers(t, p, before)
}

func shutOfManager(t *testing.T) {
	p := harness.Prepare(t, "prefork", harness.WithControl("fd:plug", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Activate("plug", harness.ListenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.Port)))
	p.AwaitServing()
	before := started(p)
	shutByHolder(t, p)
	recovers(t, p, before)
}

func shutAtAnyPort(t *testing.T) {
	l := harness.ListenTCP(t, harness.Anywhere)
	p := harness.Prepare(t, "prefork", "fd:plug", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Port = l.Addr().(*net.TCPAddr).Port
	p.Activate("plug", l)
	p.AwaitServing()
	shutByHolder(t, p)
	endsWith4(t, p, "has lost its port")
}

func shutAndTaken(t *testing.T) {
	for _, mode := range harness.Modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := harness.Start(t, mode, append(harness.TightArgs(mode), harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)...)
			held := harness.Dial(t, p.Addr())
			harness.MustPing(t, held)
			harness.StopProcess(t, p.Master) // so that the port is free before the master checks
			shutByHolder(t, p)
			harness.ListenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.Port))
			unix.Kill(p.Master, unix.SIGCONT)
			var s *harness.Status
			harness.Await(t, "the trouble in status", toldWithin, func() bool {
				s = p.Asks("status", nil).Status
				return s.Trouble != ""
			})
			if !strings.Contains(s.Trouble, "shut down") {
				t.Errorf("trouble %q", s.Trouble)
			}
			endsWith4(t, p, "in use")
			harness.MustPing(t, held) // it continues, as after TERM
			harness.Finish(held)
		})
	}
}

// shutByDiag is an admin's ss -K.
func shutByDiag(t *testing.T, p *harness.Plug) {
	t.Helper()
	ss := harness.Program(t, "ss")
	out, err := exec.Command(ss, "-K", "-tl", fmt.Sprintf("sport = :%d", p.Port)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprint(p.Port)) {
		t.Skipf("ss -K: %v: %s", err, out) // no CONFIG_INET_DIAG_DESTROY
	}
}

// shutByHolder shuts the listener down, as any process with a descriptor of it
// can.
func shutByHolder(t *testing.T, p *harness.Plug) {
	t.Helper()
	pidfd, err := unix.PidfdOpen(p.Master, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	for at, what := range harness.Descriptors(p.Master) {
		if !strings.HasPrefix(what, "socket:") {
			continue
		}
		fd, err := unix.PidfdGetfd(pidfd, at, 0)
		if err == unix.EBADF { // closed in the meantime
			continue
		} else if err != nil {
			t.Skipf("pidfd_getfd(2): %v", err)
		}
		if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && on == 1 {
			if domain, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); domain != unix.AF_UNIX {
				if err := unix.Shutdown(fd, unix.SHUT_RD); err != nil {
					t.Fatal(err)
				}
			}
		}
		unix.Close(fd)
	}
}

// started is how many workers the plug has started so far.
func started(p *harness.Plug) uint64 { return p.Asks("metrics", nil).Metrics.Spawns }

// recovers waits for the error and for a client that is served; before is how
// many workers had been started before.
func recovers(t *testing.T, p *harness.Plug, before uint64) {
	t.Helper()
	began := time.Now()
	harness.Await(t, "an error in the log", toldWithin, func() bool { return strings.Contains(p.Errors(), "another process shut it down") })
	harness.Await(t, "a client that is served", backWithin-time.Since(began), func() bool {
		c, err := harness.DialFrom("", p.Addr())
		return err == nil && harness.Ping(c) == nil && harness.Finish(c) == nil
	})
	if n := started(p) - before; n > mostStarted {
		t.Errorf("%d workers were started meanwhile", n)
	}
	if n := strings.Count(p.Errors(), "another process shut it down"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// endsWith4 waits until a plug that cannot serve ends, and checks the reason.
func endsWith4(t *testing.T, p *harness.Plug, why string) {
	t.Helper()
	if code := p.Wait(backWithin + time.Second); code != 4 || !strings.Contains(p.Errors(), why) {
		t.Errorf("exit code %d, want 4 and %q in %s", code, why, p.Errors())
	}
	p.Master = 0 // it has ended
	if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) {
		t.Errorf("the pidfile is still there: %v", err)
	}
}
