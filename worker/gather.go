//go:build linux && !portable

// In a conversation small pieces come on many sessions at once. They are gathered
// first, several sessions' in one buffer, and then sent in a row. The kernel's
// code for one way then stays in the processor's cache, and who is woken by a
// piece finds more of them before it sleeps again. Bulk, ends, errors and
// receivers that take nothing are the relay's ordinary work.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
)

// gathering is what an engine has gathered.
type gathering struct {
	gathered []byte // two reads of the most that one takes
	used     int    // bytes of it
	pieces   []piece

	uring   *kernel.Uring // for pieces that are sent together; nil: not needed yet
	noUring bool          // there is none here
}

// piece is what was read at one end of a session, to be sent before anything else
// is done with the session.
type piece struct {
	s        *session
	from, to *side
	bytes    []byte // in what is gathered
	result   int32  // of its send in a row: bytes, or an errno below zero; 0: not sent
	broken   *side  // the receiver, if it could not be written to
}

// pieces are sent when there are so many: the first must not wait for long.
const pieces = 32

// minBatch is how many pieces make a row. Two would pay as well (CPU of 4 clients
// 0.90, 0.80 to 1.01), but a session alone, with a piece each way at once, should not
// need a ring, and strace(1) should show its sends.
const minBatch = 4

// makeRoom makes the buffers. What a turn touches should be the same few pages:
// with one session in a worker they are a good part of its memory.
func (e *engine) makeRoom() {
	e.gathered = make([]byte, 2*relayRoom)
	e.buffer = e.gathered[:relayRoom:relayRoom]
	e.pieces = make([]piece, 0, pieces)
}

// plain reports that an event says no more than that bytes have come, and that
// nothing is to be done with them but to pass them on.
func (s *session) plain(from *side, flags uint32) bool {
	return flags&^syscall.EPOLLOUT == syscall.EPOLLIN && s.state == relaying &&
		from.writable && from.block == nil && !from.splicing
}

// gather reads what a plain event tells of. Whatever turns out to be more than a
// piece goes the ordinary way.
func (e *engine) gather(s *session, from, to *side) {
	p := e.gathered[e.used : e.used+relayRoom]
	n, errno := kernel.Receive(from.fd, p)
	if errno == 0 && n > 0 {
		e.count(s, from, n)
		e.pieces = append(e.pieces, piece{s: s, from: from, to: to, bytes: p[:n]})
		e.used += n
		if n < len(p) {
			from.readable = false
			from.full = 0
			if e.used > relayRoom || len(e.pieces) == pieces {
				e.deliver()
			}
			return
		}
		from.full = 1
	}
	e.deliver()
	switch {
	case errno == syscall.EAGAIN || s.state != relaying: // or its other direction has met an error
	case errno == 0: // there is more, or the end
		from.readable = true
		e.step(s)
	default:
		from.fails(errno)
		e.conclude(s, false, from)
	}
}

// deliver sends what was gathered, first what goes to targets, then what goes to
// clients: each of these is often one process, which the first piece wakes, and the
// others should follow before it sleeps again. Everything that may touch a session
// calls it before.
func (e *engine) deliver() {
	if len(e.pieces) == 0 {
		return
	}
	if len(e.pieces) >= minBatch {
		e.sendTogether()
	}
	for i := range e.inOrder {
		e.pieces[i].broken = e.send(&e.pieces[i])
	}
	for i := range e.pieces { // a failed session delivers what it reads now: its pieces come before
		if g := &e.pieces[i]; g.broken != nil && g.s.state == relaying {
			e.conclude(g.s, false, g.broken)
		}
	}
	e.pieces, e.used = e.pieces[:0], 0
}

// inOrder yields the pieces' places in the order in which they are sent.
func (e *engine) inOrder(yield func(i int) bool) {
	for _, up := range [...]bool{true, false} {
		for i := range e.pieces {
			if g := &e.pieces[i]; (g.from == &g.s.client) == up && !yield(i) {
				return
			}
		}
	}
}

// sendTogether sends all pieces with one system call, where that can be done, and
// notes their results.
func (e *engine) sendTogether() {
	if e.uring == nil && !e.noUring {
		e.uring, _ = kernel.OpenUring(pieces)
		e.noUring = e.uring == nil
	}
	if e.noUring {
		return
	}
	for i := range e.inOrder {
		e.uring.Put(i, e.pieces[i].to.fd, e.pieces[i].bytes)
	}
	if !e.uring.Send(func(i int, result int32) { e.pieces[i].result = result }) {
		e.uring.Close()
		e.uring, e.noUring = nil, true
	}
}

// send settles a piece by its result. One that was not sent is sent by itself, and
// waits where send(2), too, says that it must.
func (e *engine) send(g *piece) (broken *side) {
	if g.result > 0 {
		return e.passed(g.from, g.to, g.bytes, int(g.result), 0)
	}
	switch errno := syscall.Errno(-g.result); errno {
	case 0, syscall.EAGAIN, syscall.EINTR, syscall.ENOMEM:
		return e.pass(g.from, g.to, g.bytes)
	default:
		return e.passed(g.from, g.to, g.bytes, 0, errno)
	}
}
