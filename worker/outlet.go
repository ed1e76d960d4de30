// How a worker writes to a reader that may have stopped reading: without ever waiting.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
	"daemon/plug/worker/record"
)

// outlet is a descriptor for texts to a reader outside the plug, which may have stopped
// reading. It never makes the worker wait: the master has ensured (see
// supervisor/outlet.go) that it is a file on a local disk, or was opened with O_NONBLOCK,
// or is a socket, which is sent to without waiting.
type outlet struct {
	fd     int
	socket bool
	rest   []byte // of a text whose beginning was written: it goes before the next text
}

// put writes a whole text. If it returns an error, nothing of the text has been written.
func (o *outlet) put(p []byte) (errno syscall.Errno) {
	if len(o.rest) > 0 {
		n, errno := o.write(o.rest)
		o.rest = o.rest[max(0, n):]
		if errno != 0 && errno != syscall.EAGAIN {
			o.rest = nil // its reader has gone
		}
		if errno != 0 {
			return errno
		}
	}
	n, errno := o.write(p)
	switch {
	case errno == 0 || n == 0:
		return errno
	case errno == syscall.EAGAIN:
		o.rest = append(o.rest[:0], p[n:]...)
		return 0
	}
	record.CutBack(o.fd, n)
	return errno
}

// write writes until everything is written or there is an error. For a regular file, a
// second write either fits or returns the reason.
func (o *outlet) write(p []byte) (n int, errno syscall.Errno) {
	for n < len(p) {
		m := 0
		if o.socket {
			m, errno = kernel.SendNow(o.fd, p[n:])
		} else {
			m, errno = kernel.Write(o.fd, p[n:])
		}
		if errno == 0 && m == 0 {
			errno = syscall.EAGAIN
		}
		if errno != 0 {
			return n, errno
		}
		n += m
	}
	return n, 0
}

// silence says in words why a text could not be written.
func silence(errno syscall.Errno) string {
	if errno == syscall.EAGAIN {
		return "it is full and no process is reading it"
	}
	return record.Limit(errno)
}
