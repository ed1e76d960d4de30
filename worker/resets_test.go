//go:build linux && !portable

// Resets, and which side sees them.

package worker

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/await"
	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// cut closes with a reset.
func cut(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

// untilError reads until an error. After a half-close, reading ends without one, and only
// a write can return it.
func untilError(c *net.TCPConn) (err error) {
	if _, err = io.Copy(io.Discard, c); err == nil {
		await.Happens(patience, func() bool { _, err = c.Write([]byte{1}); return err != nil })
	}
	return err
}

// A reset of one side reaches the other as a reset, never as an end, and the session
// never counts as complete.
func TestResets(t *testing.T) {
	much := make([]byte, 24<<20)
	for _, c := range []struct {
		name  string
		setup func(e *engine, s *session, from, to *net.TCPConn)
	}{
		{"idle", func(*engine, *session, *net.TCPConn, *net.TCPConn) {}},
		{"behind data", func(e *engine, s *session, from, to *net.TCPConn) {
			from.Write(noise(7, 2000))
			e.until(t, "the data is through", func() bool { return s.row.In.Load()+s.row.Out.Load() == 2000 })
		}},
		{"the other side half-closed", func(e *engine, s *session, from, to *net.TCPConn) {
			to.CloseWrite()
			e.until(t, "half-closed", func() bool { return s.state == halfClosed })
		}},
		{"this side half-closed", func(e *engine, s *session, from, to *net.TCPConn) {
			from.CloseWrite()
			e.until(t, "half-closed", func() bool { return s.state == halfClosed })
		}},
		{"with bytes kept", func(e *engine, s *session, from, to *net.TCPConn) {
			go from.Write(much)
			e.quiet()
		}},
		{"with bytes kept for it", func(e *engine, s *session, from, to *net.TCPConn) {
			go to.Write(much)
			e.quiet()
		}},
	} {
		for _, side := range []string{"client", "target"} {
			e := rig(t)
			before := descriptors(t)
			s, from, to := pair(t, e)
			if side == "target" {
				from, to = to, from
			}
			c.setup(e, s, from, to)
			cut(from)
			// The end was passed on before, or the side's own write meets the reset first,
			// whose error is returned only once.
			writes := c.name == "this side half-closed" || c.name == "with bytes kept for it"
			seen := sees(to, writes)
			e.until(t, c.name+": the session ends", func() bool { return s.state == ended })
			if err := <-seen; !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%s, %s resets: the other side sees %v", c.name, side, err)
			}
			if e.outcomes(board.Cut) != 1 {
				t.Errorf("%s, %s resets: outcome is not %s", c.name, side, board.Cut)
			}
			to.Close()
			if left := descriptors(t) - before - 2*len(e.relay.pipes); left > 0 {
				t.Errorf("%s, %s resets: %d descriptors left over", c.name, side, left)
			}
		}
	}
}

// sees reads until an error, or writes until one, and returns it.
func sees(c *net.TCPConn, writes bool) <-chan error {
	seen := make(chan error, 1)
	go func() {
		if writes {
			seen <- untilError(c)
			return
		}
		_, err := io.Copy(io.Discard, c)
		seen <- err
	}()
	return seen
}

// After a session has ended, late events for its row have no effect.
func TestLateEventsAreIgnored(t *testing.T) {
	e := rig(t)
	s, client, target := pair(t, e)
	old := kernel.MakeTag(onClient, int(s.index), s.epoch)
	feed(client, nil)
	feed(target, nil)
	e.until(t, "the session ends", func() bool { return s.state == ended })
	e.serve(old, unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) // ended
	next, _, _ := pair(t, e)
	if next != s {
		t.Fatal("the row was not used again")
	}
	e.quiet()
	e.serve(old, unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) // another session's
	if s.state != relaying || s.client.failed || s.client.hangup {
		t.Errorf("state %d: an old event reached a new session", s.state)
	}
}
