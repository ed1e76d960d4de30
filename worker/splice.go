//go:build linux && !portable

package worker

import (
	"syscall"
)

const (
	heavyAfter = 2         // full reads in a row make a direction splice
	pipeRoom   = 512 << 10 // bytes, if the user's limit on pipes allows
	sparePipes = 16        // kept by a worker for its next sessions
	lightUnder = 8 << 10   // a splice of less than this is not worth its pipe
	lightAfter = 16        // such splices in a row make the direction read again
)

// pipe carries a direction's bytes from socket to socket without copying them
// through this process (splice(2)).
type pipe struct {
	r, w  int
	held  int // bytes in it
	light int // small splices in a row
}

func (r *relay) takePipe() (*pipe, syscall.Errno) {
	if n := len(r.pipes); n > 0 {
		p := r.pipes[n-1]
		r.pipes = r.pipes[:n-1]
		return p, 0
	}
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return nil, err.(syscall.Errno)
	}
	call3(syscall.SYS_FCNTL, uintptr(fds[1]), syscall.F_SETPIPE_SZ, pipeRoom)
	return &pipe{r: fds[0], w: fds[1]}, 0
}

// releasePipe gives a direction's pipe back; one with bytes in it is no use to
// anybody else.
func (r *relay) releasePipe(d *end) {
	p := d.pipe
	if p == nil {
		return
	}
	d.pipe = nil
	if p.held == 0 && len(r.pipes) < sparePipes {
		p.light = 0
		r.pipes = append(r.pipes, p)
		return
	}
	closeFD(p.r)
	closeFD(p.w)
}

func splice(from, to, n int) (int, syscall.Errno) {
	for {
		m, _, errno := syscall.RawSyscall6(syscall.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), spliceMove|spliceNonblock)
		if errno != syscall.EINTR {
			return int(m), errno
		}
	}
}

// spliceOnce fills the direction's pipe and empties it once. moved is false
// when nothing more can be done now.
func (e *engine) spliceOnce(s *session, from, to *end) (moved bool, errno syscall.Errno) {
	if from.block != nil { // what was read before comes first
		if !to.writable {
			return false, 0
		}
		return true, e.flush(from, to)
	}
	if from.pipe == nil {
		if from.pipe, errno = e.relay.takePipe(); errno != 0 {
			from.heavy, from.full = false, 0 // copying does it too
			return true, 0
		}
	}
	p := from.pipe
	if p.held == 0 {
		if from.eof || !from.readable {
			e.relay.releasePipe(from) // idle, or at its end: others may need it
			from.heavy = !from.eof
			return from.eof, 0
		}
		n, errno := splice(from.fd, p.w, pipeRoom)
		switch {
		case errno == syscall.EAGAIN:
			from.readable = false
			return true, 0
		case errno != 0:
			from.errno = errno
			return false, errno
		case n == 0:
			from.eof = true
			return true, 0
		}
		p.held = n
		e.count(s, from, n)
		if n >= lightUnder {
			p.light = 0
		} else {
			p.light++
		}
	}
	if !to.writable {
		return false, 0
	}
	n, errno := splice(p.r, to.fd, p.held)
	switch {
	case errno == syscall.EAGAIN:
		to.writable = false
		return false, 0
	case errno != 0:
		to.errno = errno
		return false, errno
	}
	p.held -= n
	if p.held == 0 && p.light >= lightAfter {
		e.relay.releasePipe(from)
		from.heavy, from.full = false, 0
	}
	return true, 0
}
