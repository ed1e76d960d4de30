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

	"daemon/plug/test/harness"
)

// A signal to one worker ends only its own session.
func TestKillOneWorker(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			p := harness.Start(t, mode, "-l", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
			held := harness.Hold(t, p, 8)
			victim := p.Lists(held)[3]
			named := fmt.Sprintf("plug: %d %v > ", p.Port, held[3].LocalAddr())
			harness.Await(t, "the title of the session's process to name its client", harness.ShortWait, func() bool {
				return strings.HasPrefix(harness.Title(victim), named)
			})
			if err := syscall.Kill(victim, s); err != nil {
				t.Fatal(err)
			}
			if l := p.Lines(1)[0]; l.PID != victim || l.In != 1 || l.Out != 1 {
				t.Errorf("signal %d to %d: session line %+v", s, victim, l)
			}
			if err := harness.HungUp(held[3]); err != nil {
				t.Errorf("the killed session: %v", err)
			}
			rest := slices.Delete(held, 3, 4)
			for _, c := range rest {
				harness.MustPing(t, c)
			}
			p.Lists(rest)
			for _, c := range rest {
				harness.Finish(c)
			}
			p.Lines(8)
			p.Stop()
		}
	}, "fork", "prefork")
}

// STOP freezes a worker's session and CONT thaws it.
func TestFreezeWorker(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		c := harness.Hold(t, p, 1)[0]
		pid := p.Carrier(c)
		syscall.Kill(pid, syscall.SIGSTOP)
		harness.Await(t, "the worker to stop", harness.ShortWait, func() bool { q, _ := harness.ReadProcess(pid); return q.State == 'T' })
		c.SetDeadline(time.Now().Add(200 * time.Millisecond))
		if err := harness.Ping(c); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a frozen session: %v", err)
		}
		other := harness.Dial(t, p.Addr())
		harness.MustPing(t, other)
		syscall.Kill(pid, syscall.SIGCONT)
		c.SetDeadline(time.Now().Add(harness.TalkBound))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("a thawed session: %v", err)
		}
	}, "fork", "prefork")
}
