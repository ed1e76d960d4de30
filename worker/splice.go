//go:build linux && !portable

// How the event loop moves bulk without copying it through this process (splice(2)).

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
)

const (
	spliceAfter = 2         // this many full reads in a row make a direction splice
	pipeRoom    = 512 << 10 // bytes, if the user's limit on pipes allows
	sparePipes  = 16        // kept by a worker for later sessions
	smallUnder  = 8 << 10   // a splice of fewer bytes is not worth its pipe
	smallAfter  = 16        // this many such splices in a row make the direction read again
)

// pipe carries a direction's bytes from socket to socket without copying them
// through this process (splice(2)).
type pipe struct {
	r, w  int
	held  int // bytes in it
	small int // small splices in a row
}

func (r *relay) takePipe() (*pipe, syscall.Errno) {
	if n := len(r.pipes); n > 0 {
		p := r.pipes[n-1]
		r.pipes = r.pipes[:n-1]
		return p, 0
	}
	in, out, errno := kernel.Pipe(pipeRoom)
	if errno != 0 {
		return nil, errno
	}
	return &pipe{r: in, w: out}, 0
}

// releasePipe gives a direction's pipe back. A pipe with bytes in it is closed, because
// no other direction can use it.
func (r *relay) releasePipe(d *side) {
	p := d.pipe
	if p == nil {
		return
	}
	d.pipe = nil
	if p.held == 0 && len(r.pipes) < sparePipes {
		p.small = 0
		r.pipes = append(r.pipes, p)
		return
	}
	kernel.Close(p.r)
	kernel.Close(p.w)
}

// spliceOnce fills the direction's pipe and empties it once. moved is false when nothing
// more can be done now; broken is the side that has failed.
func (e *engine) spliceOnce(s *session, from, to *side) (moved bool, broken *side) {
	if from.pipe == nil {
		var errno syscall.Errno
		if from.pipe, errno = e.relay.takePipe(); errno != 0 {
			from.splicing, from.full = false, 0 // copying works without a pipe
			return true, nil
		}
	}
	p := from.pipe
	if p.held == 0 {
		if from.eof || !from.readable {
			e.relay.releasePipe(from) // idle, or at its end: other directions may need it
			from.splicing = !from.eof
			return from.eof, nil
		}
		n, errno := kernel.Splice(from.fd, p.w, pipeRoom)
		if n <= 0 {
			return true, e.splicedNothing(s, from, to, errno)
		}
		p.held = n
		e.count(s, from, n)
		if n >= smallUnder {
			p.small = 0
		} else {
			p.small++
		}
	}
	if !to.writable {
		return false, nil
	}
	if e.relay.copies {
		return true, e.unpipe(s, from, to)
	}
	n, errno := kernel.Splice(p.r, to.fd, p.held)
	switch {
	case errno == syscall.EAGAIN:
		to.writable = false
		return false, nil
	case denied(errno):
		e.relay.copies = true
		return true, nil
	case errno != 0:
		to.fails(errno)
		return false, to
	}
	e.moved(s)
	p.held -= n
	if p.held == 0 && p.small >= smallAfter {
		e.smallSplices(from)
	}
	return true, nil
}

// smallSplices makes a direction read and write again.
func (e *engine) smallSplices(d *side) {
	e.relay.releasePipe(d)
	d.splicing, d.full = false, 0
}

// splicedNothing asks recv(2) why splice(2) has moved nothing. At an urgent mark
// splice(2) returns the same as at the end (0) or for an empty socket (EAGAIN), and it
// returns an error before the bytes after the mark.
func (e *engine) splicedNothing(s *session, from, to *side, errno syscall.Errno) (broken *side) {
	switch {
	case errno == syscall.EAGAIN && !from.mayHaveMore(): // a mark that has come since then is a new event
		from.readable = false
		return nil
	case errno == 0 || errno == syscall.EAGAIN:
	case denied(errno):
		e.relay.copies = true
		e.smallSplices(from)
	case errno == syscall.ENOMEM || errno == syscall.ENOBUFS:
		e.smallSplices(from)
	default:
		from.fails(errno)
	}
	return e.copyOnce(s, from, to)
}

// denied reports whether an error means that splice(2) can't be used: a filter forbids
// it, or the kind of socket does not support it.
func denied(errno syscall.Errno) bool {
	switch errno {
	case syscall.EPERM, syscall.EACCES, syscall.ENOSYS, syscall.EINVAL, syscall.EOPNOTSUPP:
		return true
	}
	return false
}

// unpipe reads bytes back from the pipe and writes them in the ordinary way.
func (e *engine) unpipe(s *session, from, to *side) (broken *side) {
	p := from.pipe
	n, errno := kernel.Read(p.r, e.buffer[:min(p.held, len(e.buffer))])
	if errno != 0 {
		from.fails(errno) // they can't be read: the stream has a hole
		return from
	}
	if p.held -= n; p.held == 0 {
		e.smallSplices(from)
	}
	e.moved(s)
	return e.pass(from, to, e.buffer[:n])
}
