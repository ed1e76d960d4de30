//go:build linux && !portable

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
)

// relay is what directions share: spare blocks and pipes.
type relay struct {
	blocks [len(blockSizes)][]*block
	pipes  []*pipe
}

// block keeps what a slow receiver has left behind.
type block struct {
	class int
	data  []byte
	kept  []byte // in data; never empty while an end has it
}

// blockSizes are the sizes of blocks: a slow reader of little should not cost
// as much as one of much.
var blockSizes = [...]int{4 << 10, 16 << 10, relayRoom}

// keep puts what is left of the buffer away.
func (r *relay) keep(d *end, left []byte) {
	class := 0
	for blockSizes[class] < len(left) {
		class++
	}
	if n := len(r.blocks[class]); n > 0 {
		d.block = r.blocks[class][n-1]
		r.blocks[class] = r.blocks[class][:n-1]
	} else {
		d.block = &block{class: class, data: make([]byte, blockSizes[class])}
	}
	d.block.kept = d.block.data[:copy(d.block.data, left)]
}

// release gives a direction's block back.
func (r *relay) release(d *end) {
	if d.block != nil {
		r.blocks[d.block.class] = append(r.blocks[d.block.class], d.block)
	}
	d.block = nil
}

// stepRelay moves what can be moved, in both directions.
func (e *engine) stepRelay(s *session) {
	c, t := &s.client, &s.target
	more, errno := e.pump(s, c, t)
	if errno == 0 {
		var also bool
		also, errno = e.pump(s, t, c)
		more = more || also
	}
	e.conclude(s, more, errno)
}

// conclude decides what becomes of a session whose bytes have been moved.
func (e *engine) conclude(s *session, more bool, errno syscall.Errno) {
	c, t := &s.client, &s.target
	s.row.Moved.Store(e.clock.ms())
	if c.eof || t.eof {
		e.endsFirst(s)
	}
	switch {
	case errno != 0:
		s.row.Errno.Store(uint32(errno))
		e.abort(s, board.Cut)
	case c.done && t.done:
		e.end(s, board.Complete)
	case e.cutOff(c, t) || e.cutOff(t, c):
		e.abort(s, board.Cut)
	case more:
		e.later(s)
	case c.done || t.done:
		s.state = halfClosed
	}
}

// cutOff tells that an end was reset and no read will ever say so: everything
// was read before, or nothing will be while the receiver takes nothing.
func (e *engine) cutOff(from, to *end) bool {
	return from.failed && (from.eof || from.stuck() && !to.writable) && e.erred(from)
}

// later gives other sessions their turn first.
func (e *engine) later(s *session) {
	if !s.queued {
		s.queued = true
		e.again = append(e.again, s)
	}
}

// pump moves one direction on: from reads, to writes. more is true when there
// is more to do than one turn allows; an error ends the session.
func (e *engine) pump(s *session, from, to *end) (more bool, errno syscall.Errno) {
	for range turns {
		switch {
		case from.done:
			return false, 0
		case from.heavy:
			moved, errno := e.spliceOnce(s, from, to)
			if errno != 0 || !moved {
				return false, errno
			}
			continue
		case from.block != nil:
			if !to.writable {
				return false, 0
			}
			if errno := e.flush(from, to); errno != 0 {
				return false, errno
			}
			continue
		case from.eof:
			e.passEnd(s, from, to)
			return false, 0
		case !from.readable:
			return false, 0
		}
		n, errno := receive(from.fd, e.buffer)
		switch {
		case errno == syscall.EAGAIN:
			from.readable = false
			continue
		case errno != 0:
			from.errno = errno
			return false, errno
		case n == 0:
			from.eof = true
			continue
		}
		e.count(s, from, n)
		if n < len(e.buffer) {
			// A stream that gave less than it was asked for has no more, unless
			// its end is there already; what comes later is a new event.
			from.readable = from.hangup
			from.full = 0
		} else if from.full++; from.full >= heavyAfter {
			from.heavy = true
		}
		if errno := e.pass(from, to, e.buffer[:n]); errno != 0 {
			return false, errno
		}
	}
	return true, 0
}

// count takes bytes that were read from one side into the session's account,
// before they are passed on: who has them finds them there.
func (e *engine) count(s *session, from *end, n int) {
	if now, m := e.clock.ms(), &s.row.Moved; m.Load() != now {
		m.Store(now)
	}
	if from == &s.client {
		s.row.In.Add(uint64(n))
		return
	}
	s.row.Out.Add(uint64(n))
	if !s.answered {
		e.answers(s)
	}
}

// pass writes what was just read, and keeps what the receiver does not take.
func (e *engine) pass(from, to *end, p []byte) syscall.Errno {
	n, errno := send(to.fd, p)
	return e.passed(from, to, p, n, errno)
}

// passed settles what a send of p has come to: n bytes, or an error.
func (e *engine) passed(from, to *end, p []byte, n int, errno syscall.Errno) syscall.Errno {
	if errno == syscall.EAGAIN {
		n = 0
	} else if errno != 0 {
		to.errno = errno
		return errno
	}
	if n < len(p) {
		to.writable = false
		e.relay.keep(from, p[n:])
	}
	return 0
}

// flush writes what was kept.
func (e *engine) flush(from, to *end) syscall.Errno {
	b := from.block
	n, errno := send(to.fd, b.kept)
	switch {
	case errno == syscall.EAGAIN:
		to.writable = false
		return 0
	case errno != 0:
		to.errno = errno
		return errno
	}
	if n < len(b.kept) {
		to.writable = false
	}
	if b.kept = b.kept[n:]; len(b.kept) == 0 {
		e.relay.release(from)
	}
	return 0
}

// passEnd passes a half-close on: everything before it has been delivered.
// When the other direction has ended too, closing says the same.
func (e *engine) passEnd(s *session, from, to *end) {
	from.done = true
	if !to.done {
		e.endsFirst(s) // before anybody can have seen it
		call3(sysShutdown, uintptr(to.fd), syscall.SHUT_WR, 0)
	}
}

// end ends a session whose sockets are closed in the ordinary way.
func (e *engine) end(s *session, outcome board.Outcome) {
	e.finish(s.row, outcome, e.causer(s, outcome))
	e.bury(s)
}

// abort ends a session so that neither side takes it for a clean end.
func (e *engine) abort(s *session, outcome board.Outcome) {
	e.finish(s.row, outcome, e.causer(s, outcome))
	for _, d := range []*end{&s.client, &s.target} {
		if d.fd >= 0 {
			reset(d.fd)
		}
	}
	e.bury(s)
}

// bury closes what the session holds, writes its records and gives its row back.
func (e *engine) bury(s *session) {
	e.due.remove(s)
	for _, d := range [...]*end{&s.client, &s.target} {
		if d.fd >= 0 {
			closeFD(d.fd)
			d.fd = -1
		}
		e.relay.release(d)
		e.relay.releasePipe(d)
	}
	s.state = ended
	if s.tried != nil {
		e.trials = append(e.trials, s.tried)
		s.tried = nil
	}
	outcome := board.Outcome(s.row.Outcome.Load())
	settled := e.settle(s.row, s.index)
	e.uses++
	e.live--
	e.column.Live.Store(uint32(e.live))
	if settled {
		e.free = append(e.free, s.index)
	} else {
		e.pay(len(e.free) == 0)
	}
	if e.board.Uses == 1 {
		e.status = outcome.Status()
	}
	e.asideDue = 0
	e.tellSoon()
	e.join()
}
