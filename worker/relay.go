//go:build linux && !portable

// How the event loop relays a session's bytes, and how it handles an end or an error. How
// a session then ends is in ending.go.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// relay is what all directions share: spare blocks and pipes.
type relay struct {
	blocks [len(blockSizes)][]*block
	pipes  []*pipe
	copies bool // splice(2) can't be used here
}

// block holds what a slow receiver has not taken yet.
type block struct {
	sizeClass int
	data      []byte
	kept      []byte // part of data; never empty while a side has the block
}

// blockSizes are the sizes of blocks: a slow reader of few bytes should not cost as much
// as a slow reader of many.
var blockSizes = [...]int{4 << 10, 16 << 10, relayRoom}

// keep stores what is left of the buffer in a block.
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

// stepRelay relays what can be relayed now, in both directions.
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

// conclude decides what happens next to a session whose bytes have been relayed. broken
// is the side that has failed meanwhile, if any.
func (e *engine) conclude(s *session, more bool, broken *side) {
	c, t := &s.client, &s.target
	if c.eof || t.eof {
		e.endsFirst(s)
	}
	switch {
	case broken != nil:
		e.fail(s, broken)
	case c.done && t.done:
		s.who = s.first
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

// cutOff reports whether a side was reset and no read will ever report it: everything was
// read before, or nothing will be read while the receiver takes nothing.
func (e *engine) cutOff(from, to *side) bool {
	return from.failed && (from.eof || from.stuck() && !to.writable) && e.erred(from)
}

// later lets other sessions run first.
func (e *engine) later(s *session) {
	if !s.queued {
		s.queued = true
		e.runAgainSoon = append(e.runAgainSoon, s)
	}
}

// pump relays one direction: it reads from from and writes to to. more is true when there
// is more to do than the relay budget allows; broken is the side that has failed.
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
			broken = e.flush(s, from, to)
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
		// A stream that returned less than was asked for has no more now. Whatever
		// comes later is a new event.
		from.readable = from.mayHaveMore()
		from.full = 0
	} else if from.full++; from.full >= spliceAfter {
		from.splicing = !e.relay.copies
	}
	return e.pass(from, to, e.buffer[:n])
}

// count adds bytes that were read from one side to the session's counts before they are
// passed on, so that a receiver who has them also finds them counted.
func (e *engine) count(s *session, from *side, n int) {
	e.moved(s)
	if from == &s.client {
		s.row.In.Add(uint64(n))
		return
	}
	s.row.Out.Add(uint64(n))
	if !s.answered {
		e.answers(s)
	}
}

// moved records when the session moved bytes.
func (e *engine) moved(s *session) {
	if now, m := e.clock.ms(), &s.row.Moved; m.Load() != now {
		m.Store(now)
	}
}

// pass writes what was just read, and keeps what the receiver does not take.
func (e *engine) pass(from, to *side, p []byte) (broken *side) {
	n, errno := kernel.Send(to.fd, p)
	return e.passed(from, to, p, n, errno)
}

// passed handles the result of sending p: n bytes, or an error. What was not sent is kept
// even after an error: it was counted, and is subtracted at the end.
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
func (e *engine) flush(s *session, from, to *side) (broken *side) {
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
	if n > 0 {
		e.moved(s)
	}
	if n < len(b.kept) {
		to.writable = false
	}
	if b.kept = b.kept[n:]; len(b.kept) == 0 {
		e.relay.release(from)
	}
	return nil
}

// passEnd passes a half-close on: everything before it has been delivered. If the other
// direction has ended too, closing the socket does the same.
func (e *engine) passEnd(s *session, from, to *side) {
	from.done = true
	if !to.done {
		e.endsFirst(s) // before the other side can see the end
		kernel.ShutWrite(to.fd)
		to.shut = true
	}
}
