// Tests of the end of a plug that is PID 1: it waits for sessions, and asks the
// service manager for time.

package supervisor

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// As PID 1, TERM waits for the sessions, 8 s unless --drain-timeout is given.
func TestTermAsPID1(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{0: 8 * time.Second, time.Minute: time.Minute} {
		s, carrier, idle := withSession(t, func(c *settings) { c.DrainTimeout = given })
		s.starter.first = true
		s.signal(syscall.SIGTERM)
		if !s.shutdown.draining {
			t.Fatal("TERM does not drain")
		}
		if left := time.Until(s.shutdown.deadline); left > want || left < want-time.Second {
			t.Fatalf("draining for %v, want %v", left, want)
		}
		if !s.starter.asks(want + stopMargin) {
			t.Errorf("the starter was told %q %q", s.starter.told, s.starter.texts)
		}
		s.kill(idle, unix.SIGTERM)
		s.reap()
		if s.done() {
			t.Fatal("done before the session has ended")
		}
		s.expire()
		s.done()
		if left := time.Until(s.shutdown.deadline); !s.shutdown.ending || left > time.Second/3 {
			t.Errorf("after the drain: ending %v, KILL in %v", s.shutdown.ending, left)
		}
		s.kill(carrier, unix.SIGTERM)
		s.sessionLines(1)
		if s.plug.totals.Ended[board.AdminEnded] != 1 {
			t.Errorf("ended: %v", s.plug.totals.Ended)
		}
	}
}

// asks reports whether the last message requests that much time to stop, or a
// little less.
func (s *starter) asks(most time.Duration) bool {
	last := len(s.told) - 1
	if last < 0 || s.told[last] != "stopping" {
		return false
	}
	usec, err := strconv.Atoi(s.texts[last])
	asked := time.Duration(usec) * time.Microsecond
	return err == nil && asked <= most && asked > most-time.Second
}

// TERM gives a drain without limit a limit, and never makes a drain longer.
func TestTermDuringDrainAsPID1(t *testing.T) {
	s, _, _ := withSession(t, nil)
	s.starter.first = true
	s.signal(syscall.SIGQUIT)
	if !s.shutdown.deadline.IsZero() || !s.starter.asks(stopExtended) {
		t.Fatalf("QUIT: until %v, told %q", s.shutdown.deadline, s.starter.texts)
	}
	s.signal(syscall.SIGTERM)
	first := s.shutdown.deadline
	if left := time.Until(first); left <= 0 || left > containerDrain {
		t.Fatalf("TERM: %v left", left)
	}
	s.signal(syscall.SIGTERM)
	if !s.shutdown.deadline.Equal(first) {
		t.Error("a second TERM has made the drain longer")
	}
}

// A drain without limit requests more time repeatedly.
func TestDrainAsksForTime(t *testing.T) {
	s, _, _ := withSession(t, nil)
	s.signal(syscall.SIGQUIT)
	s.starter.told, s.starter.texts = nil, nil
	for range checkEvery {
		s.tick(time.Now())
	}
	if !s.starter.asks(stopExtended) {
		t.Errorf("in a second the starter was told %q", s.starter.told)
	}
}
