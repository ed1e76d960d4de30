//go:build linux && !portable

package worker

import "syscall"

// In a conversation small pieces come on many sessions at once. They are gathered
// first, several sessions' in one buffer, and then sent in a row. The kernel's
// code for one way then stays in the processor's cache, and who is woken by a
// piece finds more of them before it sleeps again. Bulk, ends, errors and
// receivers that take nothing are the relay's ordinary work.

// gathering is what an engine has gathered.
type gathering struct {
	gathered []byte // two reads of the most that one takes
	used     int    // bytes of it
	pieces   []piece
}

// piece is what was read at one end of a session, to be sent before anything else
// is done with the session.
type piece struct {
	s        *session
	from, to *end
	bytes    []byte // in what is gathered
}

// pieces are sent when there are so many: the first must not wait for long.
const pieces = 32

// makeRoom makes the buffers. What a turn touches should be the same few pages:
// with one session in a worker they are a good part of its memory.
func (e *engine) makeRoom() {
	e.gathered = make([]byte, 2*relayRoom)
	e.buffer = e.gathered[:relayRoom:relayRoom]
	e.pieces = make([]piece, 0, pieces)
}

// plain tells that an event says no more than that bytes have come, and that
// nothing is to be done with them but to pass them on.
func (s *session) plain(from *end, flags uint32) bool {
	return flags&^syscall.EPOLLOUT == syscall.EPOLLIN && s.state == relaying &&
		from.writable && from.block == nil && !from.heavy
}

// gather reads what a plain event tells of. Whatever turns out to be more than a
// piece goes the ordinary way.
func (e *engine) gather(s *session, from, to *end) {
	p := e.gathered[e.used : e.used+relayRoom]
	n, errno := receive(from.fd, p)
	if errno == 0 && n > 0 {
		e.count(s, from, n)
		e.pieces = append(e.pieces, piece{s, from, to, p[:n]})
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
	switch errno {
	case 0: // there is more, or the end
		from.readable = true
		e.step(s)
	case syscall.EAGAIN:
	default:
		from.errno = errno
		e.conclude(s, false, errno)
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
	for _, up := range [...]bool{true, false} {
		for i := range e.pieces {
			g := &e.pieces[i]
			if (g.from == &g.s.client) != up || g.s.state == ended {
				continue // ended: its other direction has met an error
			}
			if errno := e.pass(g.from, g.to, g.bytes); errno != 0 {
				e.conclude(g.s, false, errno)
			}
		}
	}
	e.pieces, e.used = e.pieces[:0], 0
}
