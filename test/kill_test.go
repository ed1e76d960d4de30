// Tests of signals to one worker.

package test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A signal to one worker ends only its own session.
func TestKillOneWorker(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			p := start(t, mode, "-l", serve(t, anywhere, echo).addr())
			held := hold(t, p, 8)
			victim := p.lists(held)[3]
			named := fmt.Sprintf("plug: %d %v > ", p.port, held[3].LocalAddr())
			await(t, "the title of the session's process to name its client", shortWait, func() bool {
				return strings.HasPrefix(title(victim), named)
			})
			if err := syscall.Kill(victim, s); err != nil {
				t.Fatal(err)
			}
			if l := p.lines(1)[0]; l.pid != victim || l.in != 1 || l.out != 1 {
				t.Errorf("signal %d to %d: session line %+v", s, victim, l)
			}
			if err := hungUp(held[3]); err != nil {
				t.Errorf("the killed session: %v", err)
			}
			rest := slices.Delete(held, 3, 4)
			for _, c := range rest {
				mustPing(t, c)
			}
			p.lists(rest)
			for _, c := range rest {
				finish(c)
			}
			p.lines(8)
			p.stop()
		}
	}, "fork", "prefork")
}

// STOP freezes a worker's session and CONT thaws it.
func TestFreezeWorker(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, serve(t, anywhere, echo).addr())
		c := hold(t, p, 1)[0]
		pid := p.carrier(c)
		syscall.Kill(pid, syscall.SIGSTOP)
		await(t, "the worker to stop", shortWait, func() bool { q, _ := readProcess(pid); return q.state == 'T' })
		c.SetDeadline(time.Now().Add(200 * time.Millisecond))
		if err := ping(c); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a frozen session: %v", err)
		}
		other := dial(t, p.addr())
		mustPing(t, other)
		syscall.Kill(pid, syscall.SIGCONT)
		c.SetDeadline(time.Now().Add(talkBound))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("a thawed session: %v", err)
		}
	}, "fork", "prefork")
}
