//go:build linux && !portable

// In conversations, small pieces arrive on many sessions at the same time. They are first
// gathered, those of several sessions in one buffer, and then sent together. The kernel's
// code for each direction then stays in the processor's cache, and a process that a piece
// wakes finds more pieces before it sleeps again. Bulk, ends, errors and receivers that
// take nothing are handled by the ordinary relay.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
)

// gathering is what an engine has gathered.
type gathering struct {
	gathered []byte // room for two reads of the maximum size
	used     int    // bytes of it
	pieces   []piece

	uring   *kernel.Uring // for pieces that are sent together; nil: not needed yet
	noUring bool          // uring is not available here
}

// piece is what was read from one side of a session. It is sent before anything else is
// done with the session.
type piece struct {
	s        *session
	from, to *side
	bytes    []byte // within gathered
	result   int32  // of sending it in a batch: bytes, or a negative errno; 0: not sent
	broken   *side  // the receiver, if it could not be written to
}

// pieces is how many pieces are gathered before they are sent: the first one must not
// wait for long.
const pieces = 32

// minBatch is how many pieces are worth a batch. Two would also pay (CPU of 4 clients
// 0.90, 0.80 to 1.01), but a single session with a piece in each direction should not
// need a uring, and strace(1) should show its sends.
const minBatch = 4

// makeRoom makes the buffers. An iteration should always touch the same few pages: with
// one session in a worker they are a good part of its memory.
func (e *engine) makeRoom() {
	e.gathered = make([]byte, 2*relayRoom)
	e.buffer = e.gathered[:relayRoom:relayRoom]
	e.pieces = make([]piece, 0, pieces)
}

// plain reports whether an event says only that bytes have arrived, and they only need to
// be passed on.
func (s *session) plain(from *side, flags uint32) bool {
	return flags&^syscall.EPOLLOUT == syscall.EPOLLIN && s.state == relaying &&
		from.writable && from.block == nil && !from.splicing
}

// gather reads what a plain event reports. Whatever turns out to be more than a piece is
// handled by the ordinary relay.
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
	case errno == syscall.EAGAIN || s.state != relaying: // or the other direction has met an error
	case errno == 0: // there is more, or the end
		from.readable = true
		e.step(s)
	default:
		from.fails(errno)
		e.conclude(s, false, from)
	}
}

// deliver sends what was gathered, first the pieces for targets, then those for clients:
// each of these groups often goes to one process, which the first piece wakes, and the
// others should follow before it sleeps again. Everything that may touch a session calls
// deliver first.
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
	for i := range e.pieces { // after the pieces, because a failed session delivers what it reads now
		if g := &e.pieces[i]; g.broken != nil && g.s.state == relaying {
			e.conclude(g.s, false, g.broken)
		}
	}
	e.pieces, e.used = e.pieces[:0], 0
}

// inOrder yields the pieces' indexes in the order in which they are sent.
func (e *engine) inOrder(yield func(i int) bool) {
	for _, up := range [...]bool{true, false} {
		for i := range e.pieces {
			if g := &e.pieces[i]; (g.from == &g.s.client) == up && !yield(i) {
				return
			}
		}
	}
}

// sendTogether sends all pieces with one system call, where that is possible, and records
// their results.
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

// send handles a piece by its result. A piece that was not sent is sent separately, and
// waits if send(2), too, says that it must.
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
