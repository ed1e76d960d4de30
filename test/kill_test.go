package test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A signal to one worker ends its session alone.
func TestKillOneWorker(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			p := start(t, mode, "-l", serve(t, anywhere, echo).addr())
			held := hold(t, p, 8)
			pids := p.carriers(8)
			victim := pids[3]
			_, client, _ := strings.Cut(title(victim), fmt.Sprintf("plug: %d ", p.port))
			client, _, _ = strings.Cut(client, " > ")
			if err := syscall.Kill(victim, s); err != nil {
				t.Fatal(err)
			}
			if l := p.lines(1)[0]; l.pid != victim || l.in != 1 || l.out != 1 {
				t.Errorf("signal %d to %d: session line %+v", s, victim, l)
			}
			ended := 0
			for _, c := range held {
				if c.LocalAddr().String() == client {
					if err := hungUp(c); err != nil {
						t.Errorf("the killed session: %v", err)
					}
					ended++
					continue
				}
				mustPing(t, c)
			}
			if ended != 1 {
				t.Errorf("%q is none of the clients", client)
			}
			p.carriers(7)
			for _, c := range held {
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
		pid := p.carriers(1)[0]
		syscall.Kill(pid, syscall.SIGSTOP)
		await(t, "the worker to stop", 2*time.Second, func() bool { q, _ := readProcess(pid); return q.state == 'T' })
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
