//go:build !linux || portable

package worker

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/record"
)

// listener is one of the shared listeners. Its descriptor is used for accept
// alone; for as long as clients are waited for, a copy of it is in the poller.
// In the poller all the time, it would wake a busy worker for every client of
// the others. Several workers wake for one client, and all but one find none.
type listener struct {
	fd      int
	waiting *socket // the copy
}

// mayAccept reports whether a client would be served, and by this worker rather
// than by another one.
func (e *engine) mayAccept() bool { return e.canServe() && !e.overloaded() }

// canServe reports whether a client would be served.
func (e *engine) canServe() bool {
	return e.live < int(e.board.Assignment.Capacity) && len(e.free) > 0 && !e.draining && !e.paused &&
		e.open && e.board.State.Gate.Load() == board.GateOpen &&
		(e.most == 0 || e.uses+uint32(e.live) < e.most)
}

// acceptFrom waits for clients of one listener, while it may take some.
func (e *engine) acceptFrom(l *listener) {
	for e.enter(l) {
		l.waiting.raw.Read(func(uintptr) bool { return e.takeClients(l) })
		e.lock()
		waiting := l.waiting
		l.waiting = nil
		e.mu.Unlock()
		waiting.close()
	}
}

// enter returns when a client would be served, with the listener's copy in the
// poller, or false when the listener is left for good.
func (e *engine) enter(l *listener) bool {
	e.lock()
	defer e.mu.Unlock()
	for !e.draining {
		if !e.mayAccept() {
			e.change.Wait()
			continue
		}
		fd, err := unix.FcntlInt(uintptr(l.fd), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			l.waiting, err = openSocket(fd)
		}
		if err == nil {
			return true
		}
		e.rest(errnoOf(err))
	}
	kernel.Close(l.fd)
	l.fd = -1
	return false
}

// takeClients accepts what there is. It returns true when there is no more to
// wait for.
func (e *engine) takeClients(l *listener) bool {
	e.lock()
	defer e.mu.Unlock()
	for e.mayAccept() {
		if !e.takeClient(l) {
			return !e.mayAccept()
		}
	}
	return true
}

// takeClient accepts one client, if there is one.
func (e *engine) takeClient(l *listener) bool {
	if l.fd < 0 {
		return false
	}
	fd, from, err := unix.Accept(l.fd)
	switch errno := errnoOf(err); errno {
	case 0:
		e.failures = 0
		e.hears()
		e.admit(fd, kernel.FromUnix(from))
		return true
	case unix.EAGAIN:
		e.failures = 0
		return false
	default:
		return e.notTaken(errno)
	}
}

// notTaken judges a failed accept. It is true if this client has gone, and the
// next may be there.
func (e *engine) notTaken(errno syscall.Errno) bool {
	if e.portClosed(errno) {
		e.draining = true
		e.changed()
		return false
	}
	if e.failures++; !lasting(errno) && e.failures < mostFailures {
		return true
	}
	e.rest(errno)
	return false
}

// rest accepts nothing for a while.
func (e *engine) rest(errno syscall.Errno) {
	e.clock.read()
	e.deaf(errno)
	e.paused = true
	time.AfterFunc(resources, func() {
		e.lock()
		defer e.mu.Unlock()
		e.paused = false
		e.changed()
	})
}

// admit starts the session of a new client, unless the rules refuse it.
func (e *engine) admit(fd int, client board.Addr) {
	if !e.board.Admit(&client) {
		e.column.Refused.Add(1)
		e.records.refused(&client)
		kernel.Close(fd)
		return
	}
	socket, err := openSocket(fd)
	if err != nil {
		e.records.fail("accept", err)
		return
	}
	s := e.place()
	s.client = socket
	e.publish(s.row, client)
	e.live++
	e.column.Live.Store(uint32(e.live))
	if e.board.State.LogAt.Load() >= 2 {
		e.records.debug("session started", record.Str("client", client.String()))
	}
	go s.carry()
}

// drain takes no more clients. What it has been woken for already it serves.
func (e *engine) drain() {
	if e.draining {
		return
	}
	for _, l := range e.listeners {
		for e.mayAccept() && e.takeClient(l) {
		}
		if l.waiting != nil {
			l.waiting.hurry()
		}
	}
	e.draining = true
	e.changed()
}
