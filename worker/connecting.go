// What both engines decide while a session is looking for a target: which one is next,
// what a failed connect means, and what is recorded. How the engines wait is in
// connect.go and portable_connect.go.

package worker

import (
	"errors"
	"syscall"
	"time"

	"daemon/plug/worker/address"
	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// resources is how long a worker stops accepting and connecting after this host has run
// out of descriptors, memory or ports.
const resources = 100 * time.Millisecond

// viaProxy reports whether sessions reach their targets through an HTTP proxy.
func (w *worker) viaProxy() bool { return w.board.Assignment.Via.Kind != 0 }

// nextTarget chooses a session's next target; slot is the one that has failed, or -1.
func (w *worker) nextTarget(row *board.Row, slot int, tried *board.Tried) (next int, ok bool) {
	if slot >= 0 {
		tried.Add(slot)
	}
	if next, ok = w.board.Choose(tried, &row.Client, w.clock.ms()); !ok {
		return slot, false
	}
	if slot >= 0 {
		w.column.Redispatches.Add(1)
	}
	row.Choose(uint16(next))
	w.board.TargetState(next).Connects.Add(1)
	return next, true
}

// mayWait reports whether a session may wait for descriptors, memory or ports, as other
// clients do in the kernel's queue. It may do so no longer than a connect may take.
func (w *worker) mayWait(row *board.Row) bool {
	return w.clock.mono < row.BeginAt+w.lasts(connectTimer)
}

// worthWaiting reports whether a session that is short of something should wait before it
// tries another target: local ports may be free for that one, unless all targets are
// behind one proxy.
func (w *worker) worthWaiting(f failure) bool { return w.viaProxy() || !portless(f.what, f.errno) }

// connectFailure is a connect's error as a failure. If the target's interface does not
// exist at the moment, the error is not the target's.
func connectFailure(errno syscall.Errno, to *board.Addr) failure {
	f := failed("", connectErrno(errno, to))
	f.peer = f.peer && to.LoadZone() != address.NoInterface
	return f
}

// noteConnected records that a session is connected to its target.
func (w *worker) noteConnected(row *board.Row, slot int) {
	w.connects(row, slot)
	w.reach(row, w.afterConnect())
	if w.board.Good(slot) {
		w.records.debug("target good again", record.Str("target", w.records.target(slot).full))
	}
	if w.board.Assignment.Options&board.OptLog != 0 {
		w.records.connected(&row.Client, slot)
	}
}

// noteMissed records that a target could not be connected, and reports whether this host
// is short of something that may be available again in a moment.
func (w *worker) noteMissed(slot int, f failure) (short bool) {
	short = faultOf(f.what, f.errno) == shortage
	first := true
	switch {
	case !short && w.viaProxy(): // the proxy's fault, not the target's
		first = w.board.ShouldLog(board.LogProxy, w.clock.ms())
		if f.peer {
			w.board.Miss(slot, w.clock.ms())
			w.board.TargetState(slot).Errno.Store(uint32(f.errno))
		}
	case !short && f.peer:
		first = w.board.Fail(slot, w.clock.ms())
		w.board.TargetState(slot).Errno.Store(uint32(f.errno))
	default: // this host's fault
		first = w.board.ShouldLog(board.LogConnect, w.clock.ms())
	}
	if first { // once, not for each client, until the target was good again
		what := f.what
		if what == "" {
			what = "connect " + w.records.target(slot).full
		}
		w.records.error(what, connectLimit(f.what, f.errno))
	}
	return short
}

// noteUnreached records that a session has tried all targets; f is its last failure.
func (w *worker) noteUnreached(row *board.Row, slot int, f failure) (board.Outcome, board.Culprit) {
	row.Errno.Store(uint32(f.errno))
	if w.board.Assignment.Options&board.OptLog != 0 && slot >= 0 {
		w.records.connected(&row.Client, slot)
	}
	w.noTargets(slot)
	outcome := board.Unreached
	if f.errno != 0 && !f.peer {
		outcome = board.Denied
	}
	return outcome, w.culprit(&f)
}

// noTargets logs, at most once in a while, that clients are turned away because an admin
// has disabled all targets. slot is the last one that the session tried, if any.
func (w *worker) noTargets(slot int) {
	if slot < 0 && w.board.NoTargets() && w.board.ShouldLog(board.LogTargets, w.clock.ms()) {
		w.records.error("connect", "no target available: all are disabled or draining")
	}
}

// noteDeserted records that a session's client has failed and left nothing to deliver.
func noteDeserted(row *board.Row, errno syscall.Errno) board.Culprit {
	row.Errno.Store(uint32(errno))
	return failing(board.ByClient, errno)
}

// A proxy's failures that have no errno.
var (
	errSilentProxy = errors.New("no reply within --connect-timeout")
	errMuteProxy   = errors.New("no reply within --negotiate-timeout")
	errEarlyEnd    = errors.New("closed the connection before its reply was complete")
)

// silentProxy says that the proxy has not replied in time.
func (w *worker) silentProxy() error {
	if w.board.Assignment.NegotiateTimeout != 0 {
		return errMuteProxy
	}
	return errSilentProxy
}

// noteRefused records that the proxy refused a session. reason says why, if no errno
// does.
func noteRefused(row *board.Row, err error) (who board.Culprit, reason string) {
	who = board.ByProxy
	if err == errSilentProxy || err == errMuteProxy || err == syscall.ETIMEDOUT {
		who = board.ProxyLate
	}
	return who, refusalOf(row, err)
}
