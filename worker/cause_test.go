// Whose fault a failed connect is, and when the end of a session is logged.

package worker

import (
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// Whose fault a failed connect is, with a target and with an HTTP proxy.
func TestCulprits(t *testing.T) {
	for _, c := range []struct {
		name       string
		failure    failure
		want, with board.Culprit
	}{
		{"refused", failure{errno: unix.ECONNREFUSED, peer: true}, board.ByTarget, board.ByProxy},
		{"unreachable", failure{errno: unix.EHOSTUNREACH, peer: true}, board.ByTarget, board.ByProxy},
		{"too late", failure{errno: unix.ETIMEDOUT, peer: true}, board.TargetLate, board.ProxyLate},
		{"no descriptor", failure{what: "socket", errno: unix.EMFILE}, board.ByLimit, board.ByLimit},
		{"no memory", failure{what: "epoll", errno: unix.ENOMEM}, board.ByLimit, board.ByLimit},
		{"no watch", failure{what: "epoll", errno: unix.ENOSPC}, board.ByLimit, board.ByLimit},
		{"no port", failure{errno: unix.EADDRNOTAVAIL}, board.ByLimit, board.ByLimit},
		{"no such source", failure{what: "bind 192.0.2.1", errno: unix.EADDRNOTAVAIL}, board.ByError, board.ByError},
		{"no such interface", failure{what: "interface x", errno: unix.ENODEV}, board.ByError, board.ByError},
		{"no IPv6", failure{what: "socket", errno: unix.EAFNOSUPPORT}, board.ByError, board.ByError},
		{"no target that may be tried", failure{}, board.ByAdmin, board.ByAdmin},
	} {
		b := &board.Board{Assigned: board.Assigned{Assignment: new(board.Assignment)}}
		w := &worker{board: b}
		if got := w.culprit(&c.failure); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		b.Assignment.Via = convert.From(netip.MustParseAddrPort("192.0.2.80:3128"))
		if got := w.culprit(&c.failure); got != c.with {
			t.Errorf("%s, with a proxy: %s, want %s", c.name, got, c.with)
		}
	}
}

func TestTimedOut(t *testing.T) {
	for who := board.Nobody; who <= board.ByError; who++ {
		if got := timedOut(who, unix.ECONNRESET); got != who {
			t.Errorf("%s after a reset: %s", who, got)
		}
		want := map[board.Culprit]board.Culprit{board.ByClient: board.ClientLate, board.ByTarget: board.TargetLate, board.ByProxy: board.ProxyLate}[who]
		if want == board.Nobody {
			want = who
		}
		if got := timedOut(who, unix.ETIMEDOUT); got != want {
			t.Errorf("%s in silence: %s, want %s", who, got, want)
		}
		for _, errno := range []syscall.Errno{unix.ETIMEDOUT, unix.EHOSTUNREACH, unix.ENETUNREACH} {
			if got := failing(who, errno); got != want {
				t.Errorf("%s, %v: %s, expected %s", who, errno, got, want)
			}
			if !lacksUnacknowledged(errno, false) {
				t.Errorf("%v: the peer is taken to have what it has not acknowledged", errno)
			}
		}
		if got := failing(who, unix.ECONNRESET); got != who {
			t.Errorf("%s, reset: %s", who, got)
		}
	}
}

// A session's cause names the stage that it had reached, except for a complete session.
func TestConcludes(t *testing.T) {
	w := new(worker)
	for stage := board.Connecting; stage <= board.HalfClosed; stage++ {
		for _, c := range []struct {
			outcome board.Outcome
			who     board.Culprit
			want    board.Cause
		}{
			{board.Complete, board.ByTarget, board.MakeCause(board.ByTarget, board.InOrder, 0)},
			{board.Cut, board.ByClient, board.MakeCause(board.ByClient, stage, 0)},
			{board.Denied, board.ByProxy, board.MakeCause(board.ByProxy, stage, 0)},
			{board.Unreached, board.TargetLate, board.MakeCause(board.TargetLate, stage, 0)},
			{board.AdminEnded, board.BySignal, board.MakeCause(board.BySignal, stage, 15)},
			{board.Cut, board.ByTimer, board.MakeCause(board.ByTimer, stage, int(board.IdleTimer))},
		} {
			var row board.Row
			w.reach(&row, stage)
			w.concludes(&row, c.outcome, c.who, board.IdleTimer)
			if got := board.Cause(row.Cause.Load()); got != c.want {
				t.Errorf("%s while %s: %s, %s; want %s", c.outcome, stage, got.Code(), got, c.want.Code())
			}
		}
	}
}

// When ends are logged, and at which level.
func TestLogs(t *testing.T) {
	const both = board.OptForeground | board.OptJSON | board.OptLog
	for _, c := range []struct {
		options, at uint32
		want        record.Level // 0 for never
	}{
		{0, 0, 0}, {both &^ board.OptForeground, 0, 0}, {both &^ board.OptJSON, 0, 0}, {both &^ board.OptLog, 0, 0},
		{both, 0, record.LevelInfo}, {both, 1, record.LevelDebug}, {0, 1, record.LevelDebug}, {board.OptJSON, 2, record.LevelDebug},
	} {
		b := &board.Board{Assigned: board.Assigned{Assignment: new(board.Assignment)}, State: new(board.State)}
		b.Assignment.Options = c.options
		b.State.LogAt.Store(c.at)
		level, yes := (&worker{board: b}).logs()
		if yes != (c.want != 0) || level != c.want {
			t.Errorf("options %b at level %d: %v, %d; want %d", c.options, c.at, yes, level, c.want)
		}
	}
}
