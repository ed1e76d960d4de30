//go:build !linux || portable

// How the portable engine takes clients: a goroutine for each listener. Which clients it
// may take is decided in places.go and deaf.go.

package worker

import (
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// listener is one of the shared listeners. Its descriptor is used only for accept; while
// the worker waits for clients, a copy of it is in the poller. If the listener were
// always in the poller, it would wake a busy worker for every client of other workers.
// Several workers wake for one client, and all except one find none.
type listener struct {
	fd      int
	waiting *socket // the copy
}

// acceptFrom waits for clients of one listener, while the worker may take some.
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

// enter returns true when a client would be served, with the listener's copy in the
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
		e.clock.read()
		e.deaf(errnoOf(err))
		e.rest()
	}
	kernel.Close(l.fd)
	l.fd = -1
	return false
}

// takeClients accepts waiting clients. It returns true when the worker should stop
// waiting on this copy.
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
	switch e.judgeAccept(errnoOf(err)) {
	case took:
		e.admit(fd, kernel.FromUnix(from))
		return true
	case lost:
		return true
	case shut:
		e.draining = true
		e.changed()
	case hindered:
		e.rest()
	}
	return false
}

// resting reports whether no client can be accepted: because accept failed a moment ago,
// or until an order has reported the open gate.
func (e *engine) resting() bool { return e.paused || !e.open }

// rest pauses accepting for a while.
func (e *engine) rest() {
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
	if !e.admits(&client) {
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
	e.begins(s.row, client)
	go s.carry()
}

// drain takes no more clients, except those that have already woken this worker.
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
