//go:build linux && !portable

// How the event loop moves a session's bytes, and what it makes of an end or an error. How a
// session then ends is in ending.go.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// relay is what directions share: spare blocks and pipes.
type relay struct {
	blocks [len(blockSizes)][]*block
	pipes  []*pipe
	copies bool // splice(2) can't be used here
}

// block keeps what a slow receiver has left behind.
type block struct {
	sizeClass int
	data      []byte
	kept      []byte // in data; never empty while an end has it
}

// blockSizes are the sizes of blocks: a slow reader of little should not cost
// as much as one of much.
var blockSizes = [...]int{4 << 10, 16 << 10, relayRoom}

// keep puts what is left of the buffer away.
func (r *relay) keep(d *side, left []byte) {
	class := 0
	for blockSizes[class] < len(left) {
		class++
	}
	if n := len(r.blocks[class]); n > 0 {
		d.block = r.blocks[class][n-1]
		r.blocks[class] = r.blocks[class][:n-1]
	} else {
		d.block = &block{sizeClass: class, data: make([]byte, blockSizes[class])}
	}
	d.block.kept = d.block.data[:copy(d.block.data, left)]
}

// release gives a direction's block back.
func (r *relay) release(d *side) {
	if d.block != nil {
		r.blocks[d.block.sizeClass] = append(r.blocks[d.block.sizeClass], d.block)
	}
	d.block = nil
}

// stepRelay moves what can be moved, in both directions.
func (e *engine) stepRelay(s *session) {
	c, t := &s.client, &s.target
	more, broken := e.pump(s, c, t)
	if broken == nil {
		var also bool
		also, broken = e.pump(s, t, c)
		more = more || also
	}
	e.conclude(s, more, broken)
}

// conclude decides what becomes of a session whose bytes have been moved. broken
// is the side that has failed meanwhile, if one has.
func (e *engine) conclude(s *session, more bool, broken *side) {
	c, t := &s.client, &s.target
	s.row.Moved.Store(e.clock.ms())
	if c.eof || t.eof {
		e.endsFirst(s)
	}
	switch {
	case broken != nil:
		e.fail(s, broken)
	case c.done && t.done:
		e.end(s, board.Complete)
	case e.cutOff(c, t):
		e.fail(s, c)
	case e.cutOff(t, c):
		e.fail(s, t)
	case more:
		e.later(s)
	case c.done || t.done:
		s.state = halfClosed
	}
}

// cutOff reports that an end was reset and no read will ever say so: everything
// was read before, or nothing will be while the receiver takes nothing.
func (e *engine) cutOff(from, to *side) bool {
	return from.failed && (from.eof || from.stuck() && !to.writable) && e.erred(from)
}

// later gives other sessions their turn first.
func (e *engine) later(s *session) {
	if !s.queued {
		s.queued = true
		e.runAgainSoon = append(e.runAgainSoon, s)
	}
}

// pump moves one direction on: from reads, to writes. more is true when there
// is more to do than one turn allows; broken is the side that has failed.
func (e *engine) pump(s *session, from, to *side) (more bool, broken *side) {
	for range relayBudget {
		moved := true
		switch {
		case from.done:
			return false, nil
		case from.block != nil:
			if !to.writable {
				return false, nil
			}
			broken = e.flush(from, to)
		case from.splicing:
			moved, broken = e.spliceOnce(s, from, to)
		case from.eof:
			e.passEnd(s, from, to)
			return false, nil
		case !from.readable:
			return false, nil
		default:
			broken = e.copyOnce(s, from, to)
		}
		if broken != nil || !moved {
			return false, broken
		}
	}
	return true, nil
}

// copyOnce reads from one side and writes that to the other.
func (e *engine) copyOnce(s *session, from, to *side) (broken *side) {
	n, errno := kernel.Receive(from.fd, e.buffer)
	switch {
	case errno == syscall.EAGAIN:
		from.readable, from.urgent = false, false
		return nil
	case errno != 0 || n == 0 && from.errno != 0: // another call may have taken the error
		from.fails(errno)
		return from
	case n == 0:
		from.eof = true
		return nil
	}
	e.count(s, from, n)
	if n < len(e.buffer) {
		// A stream that gave less than it was asked for has no more. What comes
		// later is a new event.
		from.readable = from.mayHaveMore()
		from.full = 0
	} else if from.full++; from.full >= spliceAfter {
		from.splicing = !e.relay.copies
	}
	return e.pass(from, to, e.buffer[:n])
}

// count takes bytes that were read from one side into the session's account,
// before they are passed on: who has them finds them there.
func (e *engine) count(s *session, from *side, n int) {
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
func (e *engine) pass(from, to *side, p []byte) (broken *side) {
	n, errno := kernel.Send(to.fd, p)
	return e.passed(from, to, p, n, errno)
}

// passed settles what a send of p has come to: n bytes, or an error. What was not
// sent is kept after an error, too: it was counted, and is taken off at the end.
func (e *engine) passed(from, to *side, p []byte, n int, errno syscall.Errno) (broken *side) {
	if errno != 0 {
		n = 0
	}
	if n < len(p) {
		to.writable = false
		e.relay.keep(from, p[n:])
	}
	if errno != 0 && errno != syscall.EAGAIN {
		to.fails(errno)
		return to
	}
	return nil
}

// flush writes what was kept.
func (e *engine) flush(from, to *side) (broken *side) {
	b := from.block
	n, errno := kernel.Send(to.fd, b.kept)
	switch {
	case errno == syscall.EAGAIN:
		to.writable = false
		return nil
	case errno != 0:
		to.fails(errno)
		return to
	}
	if n < len(b.kept) {
		to.writable = false
	}
	if b.kept = b.kept[n:]; len(b.kept) == 0 {
		e.relay.release(from)
	}
	return nil
}

// passEnd passes a half-close on: everything before it has been delivered.
// When the other direction has ended too, closing says the same.
func (e *engine) passEnd(s *session, from, to *side) {
	from.done = true
	if !to.done {
		e.endsFirst(s) // before anybody can have seen it
		kernel.ShutWrite(to.fd)
	}
}
