//go:build linux && !portable

// Tests of a session's timers in the event loop, with a clock that the test puts forward.

package worker

import (
	"io"
	"math"
	"net"
	"slices"
	"testing"
	"time"

	"daemon/plug/worker/board"
)

// forward puts the engine's clock forward, and does what is due then.
func (e *engine) forward(d time.Duration) {
	e.clock.base += int64(d)
	e.clock.read()
	e.overdue()
}

// expires puts the clock forward step by step until the session has ended or is being
// delivered, and returns how long that was after its timer had started.
func expires(t *testing.T, e *engine, s *session, step time.Duration) (after time.Duration) {
	t.Helper()
	since := max(s.began, s.halved)
	if e.board.Assignment.IdleTimeout != 0 {
		since = max(since, int64(s.row.Moved.Load())*int64(time.Millisecond))
	}
	for until := e.clock.mono + int64(time.Hour); s.state == connecting || s.state == relaying || s.state == halfClosed; {
		if e.forward(step); e.clock.mono > until {
			t.Fatal("no timer has ended the session within an hour")
		}
	}
	return time.Duration(e.clock.mono - since)
}

// within checks that a timer of length T has ended its session within [T, 1.25 T].
func within(t *testing.T, after, T, step time.Duration) {
	t.Helper()
	if after < T || after > T+T/4+step {
		t.Errorf("ended after %v, expected within [%v, %v]", after, T, T+T/4)
	}
}

// code is a session's cause on the board.
func code(s *session) string { return board.Cause(s.row.Cause.Load()).Code() }

// carriedSince makes a connected session whose timers run from now on.
func carriedSince(t *testing.T, e *engine) (s *session, client, target *net.TCPConn) {
	t.Helper()
	e.clock.read()
	s, client, target = pair(t, e)
	e.beginRelay(s)
	return s, client, target
}

// Each timer ends its session in time, in order and with its code, and no other does.
func TestTimers(t *testing.T) {
	const T, step = 8 * time.Second, 100 * time.Millisecond
	ms := uint32(T.Milliseconds())
	for _, c := range []struct {
		name string
		set  func(a *board.Assignment)
		then func(e *engine, s *session, client, target *net.TCPConn)
		code string
	}{
		{"idle", func(a *board.Assignment) { a.IdleTimeout = ms }, nil, "iR"},
		{"first byte", func(a *board.Assignment) { a.FirstByteTimeout = ms }, nil, "fR"},
		{"first byte of the client", func(a *board.Assignment) { a.FirstByteTimeout, a.FirstByteOf = ms, board.OfClient },
			func(e *engine, s *session, _, target *net.TCPConn) { target.Write([]byte("x")) }, "fR"},
		{"first byte of the target", func(a *board.Assignment) { a.FirstByteTimeout, a.FirstByteOf = ms, board.OfTarget },
			func(e *engine, s *session, client, _ *net.TCPConn) { client.Write([]byte("x")) }, "fR"},
		{"half-closed", func(a *board.Assignment) { a.HalfClosedTimeout = ms },
			func(e *engine, s *session, client, _ *net.TCPConn) { client.CloseWrite() }, "hH"},
		{"lifetime", func(a *board.Assignment) { a.Lifetime = ms }, nil, "lR"},
		{"the nearest", func(a *board.Assignment) { a.Lifetime, a.IdleTimeout, a.FirstByteTimeout = 3*ms, ms, 2*ms }, nil, "iR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := rig(t)
			c.set(e.board.Assignment)
			s, client, target := carriedSince(t, e)
			if c.then != nil {
				c.then(e, s, client, target)
				e.quiet()
			}
			within(t, expires(t, e, s, step), T, step+100*time.Millisecond)
			e.until(t, "the session has ended", func() bool { return s.state == ended })
			if code(s) != c.code || e.outcomes(board.Cut) != 1 {
				t.Errorf("code %s, %d cut; expected %s, 1", code(s), e.outcomes(board.Cut), c.code)
			}
			for _, side := range []*net.TCPConn{client, target} {
				if rest, err := io.ReadAll(side); err != nil || len(rest) > 1 {
					t.Errorf("read %q, %v; expected the end", rest, err)
				}
			}
		})
	}
}

// A first byte in time stops the first-byte timer, whoever it must come from.
func TestFirstByteInTime(t *testing.T) {
	for of, from := range map[uint32]string{board.OfAny: "target", board.OfClient: "client", board.OfTarget: "target"} {
		e := rig(t)
		a := e.board.Assignment
		a.FirstByteTimeout, a.FirstByteOf = 1000, of
		s, client, target := carriedSince(t, e)
		map[string]*net.TCPConn{"client": client, "target": target}[from].Write([]byte("x"))
		e.quiet()
		e.forward(time.Minute)
		if s.state != relaying || s.listed != noTimer {
			t.Errorf("of %d, byte from the %s: state %d, listed %v", of, from, s.state, s.listed != noTimer)
		}
	}
}

// A session that moves a byte every 0.9 T is never idle.
func TestSeldomIsNotIdle(t *testing.T) {
	const T = 10 * time.Second
	e := rig(t)
	e.board.Assignment.IdleTimeout = uint32(T.Milliseconds())
	s, client, _ := carriedSince(t, e)
	for range 23 { // 20 T
		client.Write([]byte("x"))
		e.quiet()
		for range 18 {
			e.forward(T / 20)
		}
		if s.state != relaying {
			t.Fatalf("state %d", s.state)
		}
	}
	within(t, expires(t, e, s, T/20), T, T/20+time.Second)
}

// Traffic costs nothing but a check of the session's timers every T.
func TestActiveSessionIsCheckedOnce(t *testing.T) {
	const T = 10 * time.Second
	e := rig(t)
	e.board.Assignment.IdleTimeout = uint32(T.Milliseconds())
	s, _, _ := carriedSince(t, e)
	checks, at := 0, s.at
	for range 20 * 50 { // 20 T
		e.moved(s)
		if e.forward(T / 50); s.at != at {
			checks, at = checks+1, s.at
		}
	}
	if s.state != relaying || checks > 20 {
		t.Errorf("state %d, checked %d times in 20 T", s.state, checks)
	}
}

// The lifetimes of sessions are spread evenly over the jitter.
func TestLifetimeJitter(t *testing.T) {
	e := rig(t)
	e.board.Assignment.Lifetime, e.board.Assignment.LifetimeJitter = 10_000, 20
	var row board.Row
	var sum, squares float64
	const n = 2000
	for i := range n {
		row.BeginAt = int64(i) * int64(time.Millisecond)
		life := float64(e.dueAfter(&row, lifetimeTimer, row.BeginAt)-row.BeginAt) / 1e9
		if life < 10 || life > 12 {
			t.Fatalf("%g s", life)
		}
		sum, squares = sum+life, squares+life*life
	}
	mean := sum / n
	if spread := math.Sqrt(squares/n - mean*mean); math.Abs(mean-11) > 0.05 || spread < 0.55 || spread > 0.6 {
		t.Errorf("mean %g, standard deviation %g; expected 11 and 0.577", mean, spread)
	}
}

// Other durations apply to the sessions that there are.
func TestFollowDurations(t *testing.T) {
	e := rig(t)
	e.board.Assignment.IdleTimeout = 3_600_000
	var sessions []*session
	for range 10 {
		s, _, _ := carriedSince(t, e)
		sessions = append(sessions, s)
	}
	e.forward(5 * time.Second)
	e.board.Assignment.IdleTimeout = 10_000
	e.followDurations()
	e.forward(4 * time.Second)
	if slices.ContainsFunc(sessions, func(s *session) bool { return s.state != relaying }) {
		t.Error("ended before the new time has passed")
	}
	e.forward(2 * time.Second)
	e.until(t, "all have ended", func() bool { return e.live == 0 })
	s, _, _ := carriedSince(t, e)
	e.board.Assignment.IdleTimeout = 0
	e.followDurations()
	if e.forward(time.Hour); s.state != relaying || s.listed != noTimer {
		t.Error("a timer that was switched off runs")
	}
}

// The lifetime also ends a session that is still connecting.
func TestLifetimeWhileConnecting(t *testing.T) {
	e := rig(t)
	e.board.Assignment.Lifetime, e.board.Assignment.ConnectTimeout = 1000, 60_000
	e.clock.read()
	s, client, _ := pair(t, e)
	s.state, s.began = connecting, e.clock.mono
	e.reach(s.row, board.Connecting)
	e.arm(s)
	within(t, expires(t, e, s, 10*time.Millisecond), time.Second, 50*time.Millisecond)
	if s.state != ended || code(s) != "lC" {
		t.Errorf("state %d, code %s", s.state, code(s))
	}
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %v, expected the end", err)
	}
}
