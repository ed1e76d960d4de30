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
	if !ownNet(t) {
		return
	}
	for _, how := range []struct {
		name string
		down func(*testing.T, *plug)
	}{
		{"ss -K", shutByDiag},
		{"who holds a descriptor", shutByHolder},
	} {
		t.Run(how.name, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := start(t, mode, append(tightArgs(mode), withControl(serve(t, anywhere, echo).addr())...)...)
				held := dial(t, p.addr())
				mustPing(t, held)
				before := p.started()
				for range 3 {
					how.down(t, p)
					await(t, "the port to be open again", backWithin, func() bool { return opened(p.port) })
				}
				p.recovers(t, before)
				mustPing(t, held)
				finish(held)
				if s := p.asks("status", nil).Status; s.Phase != "running" || s.Trouble != "" {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
	t.Run("a plug without workers", func(t *testing.T) {
		p := start(t, "prefork", withControl("--spares", "0:2", serve(t, anywhere, echo).addr())...)
		shutByHolder(t, p)
		p.recovers(t, 0)
	})
	t.Run("paused", func(t *testing.T) {
		p := start(t, "prefork", withControl("--spares", "2:2", serve(t, anywhere, echo).addr())...)
		p.asks("accept", fields{"state": "paused"})
		before := p.started()
		shutByHolder(t, p)
		await(t, "the port to be open again", backWithin, func() bool { return opened(p.port) })
		c := dial(t, p.addr())
		p.asks("accept", fields{"state": "open"})
		mustPing(t, c)
		p.recovers(t, before)
	})
	t.Run("of a service manager", func(t *testing.T) {
		p := prepare(t, "prefork", withControl("fd:plug", serve(t, anywhere, echo).addr())...)
		p.activate("plug", listenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.port)))
		await(t, "the plug to serve", serveBound, p.serves)
		before := p.started()
		shutByHolder(t, p)
		p.recovers(t, before)
	})
	t.Run("at a port that the kernel has chosen", func(t *testing.T) {
		l := listenTCP(t, anywhere)
		p := prepare(t, "prefork", "fd:plug", serve(t, anywhere, echo).addr())
		p.port = l.Addr().(*net.TCPAddr).Port
		p.activate("plug", l)
		await(t, "the plug to serve", serveBound, p.serves)
		shutByHolder(t, p)
		p.endsWith4(t, "has lost its port")
	})
	t.Run("taken by another process", func(t *testing.T) {
		for _, mode := range modes {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				p := start(t, mode, append(tightArgs(mode), withControl(serve(t, anywhere, echo).addr())...)...)
				held := dial(t, p.addr())
				mustPing(t, held)
				stopProcess(t, p.master) // so that the port is free before the master checks
				shutByHolder(t, p)
				listenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.port))
				unix.Kill(p.master, unix.SIGCONT)
				var s *ctlStatus
				await(t, "the trouble in status", toldWithin, func() bool {
					s = p.asks("status", nil).Status
					return s.Trouble != ""
				})
				if !strings.Contains(s.Trouble, "shut down") {
					t.Errorf("trouble %q", s.Trouble)
				}
				p.endsWith4(t, "in use")
				mustPing(t, held) // it continues, as after TERM
				finish(held)
			})
		}
	})
}

// shutByDiag is an admin's ss -K.
func shutByDiag(t *testing.T, p *plug) {
	t.Helper()
	ss := program(t, "ss")
	out, err := exec.Command(ss, "-K", "-tl", fmt.Sprintf("sport = :%d", p.port)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprint(p.port)) {
		t.Skipf("ss -K: %v: %s", err, out) // no CONFIG_INET_DIAG_DESTROY
	}
}

// shutByHolder shuts the listener down, as any process with a descriptor of it
// can.
func shutByHolder(t *testing.T, p *plug) {
	t.Helper()
	pidfd, err := unix.PidfdOpen(p.master, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	for at, what := range descriptors(p.master) {
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
func (p *plug) started() uint64 { return p.asks("metrics", nil).Metrics.Spawns }

// recovers waits for the error and for a client that is served; before is how
// many workers had been started before.
func (p *plug) recovers(t *testing.T, before uint64) {
	t.Helper()
	began := time.Now()
	await(t, "an error in the log", toldWithin, func() bool { return strings.Contains(p.errors(), "another process shut it down") })
	await(t, "a client that is served", backWithin-time.Since(began), func() bool {
		c, err := dialFrom("", p.addr())
		return err == nil && ping(c) == nil && finish(c) == nil
	})
	if n := p.started() - before; n > mostStarted {
		t.Errorf("%d workers were started meanwhile", n)
	}
	if n := strings.Count(p.errors(), "another process shut it down"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// endsWith4 waits until a plug that cannot serve ends, and checks the reason.
func (p *plug) endsWith4(t *testing.T, why string) {
	t.Helper()
	if code := p.wait(backWithin + time.Second); code != 4 || !strings.Contains(p.errors(), why) {
		t.Errorf("exit code %d, want 4 and %q in %s", code, why, p.errors())
	}
	p.master = 0 // it has ended
	if _, err := os.Stat(p.pidfile); !os.IsNotExist(err) {
		t.Errorf("the pidfile is still there: %v", err)
	}
}
