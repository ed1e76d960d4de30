//go:build linux && !portable

// How the event loop takes clients from the shared listeners, and when it leaves them to
// other workers. Which clients it may take is decided in places.go and deaf.go.

package worker

import (
	"syscall"
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/report"
)

// acceptor is the worker's side of the shared listeners. It is in their wait queues only
// while it can take a client: at capacity, and for a while after descriptors have run
// out, clients wait in the kernel's queue or go to other workers.
//
// A worker of one session has a separate epoll set for the listeners, and waits on it
// only between sessions. An exclusive wake-up skips processes that don't wait, so a
// worker with a short session can keep its place in the queue: the same few workers stay
// warm, instead of all of them being woken from their sleep in turn.
type acceptor struct {
	listenSet *kernel.Poller // the engine's own set in a pool
	apart     bool           // listenSet is a set of its own
	listeners []*listener
}

type listener struct {
	inheritedListener
	joined bool // in the epoll set
	closed bool // shut down by the master, or left for good
}

const (
	batch     = 4  // clients that a pool worker accepts at a time
	rescued   = 32 // clients that it accepts when nudged, because no other worker has
	backAfter = 2 * time.Millisecond
)

func (a *acceptor) open(all []inheritedListener, set *kernel.Poller, apart bool) syscall.Errno {
	a.listenSet, a.apart = set, apart
	if apart {
		a.listenSet = new(kernel.Poller)
		if errno := a.listenSet.Open(); errno != 0 {
			return errno
		}
		if errno := a.listenSet.Add(FDLifeline, syscall.EPOLLIN, kernel.MakeTag(onLifeline, 0, 0)); errno != 0 {
			return errno
		}
	}
	for _, l := range all {
		a.listeners = append(a.listeners, &listener{inheritedListener: l})
	}
	return 0
}

func (a *acceptor) close() {
	for i := range a.listeners {
		if l := a.listeners[i]; l.fd >= 0 {
			kernel.Close(l.fd)
			l.fd, l.joined, l.closed = -1, false, true
		}
	}
}

// join adds the listeners to the epoll set or removes them, whichever is right now.
func (e *engine) join() {
	may := e.mayAccept()
	if !may && e.away() {
		return
	}
	for i := range e.accept.listeners {
		l := e.accept.listeners[i]
		switch {
		case l.closed || l.joined == may:
		case may:
			l.joined = e.accept.listenSet.Add(l.fd, syscall.EPOLLIN|kernel.Exclusive, kernel.MakeTag(onListener, i, 0)) == 0
		default:
			e.accept.listenSet.Remove(l.fd)
			l.joined = false
		}
	}
}

// away reports whether a session that may be short is the only reason why this worker
// does not wait for clients.
func (e *engine) away() bool {
	return e.accept.apart && e.live > 0 && !e.usedUp() && !e.draining && !e.resting() &&
		e.board.State.Gate.Load() == board.GateOpen
}

// stepAside gives up the worker's place in the queue: its session is a long one, and
// every client's wake-up would have to skip this worker.
func (e *engine) stepAside() {
	e.agenda[asideDuty] = 0
	if !e.accept.apart || e.live == 0 {
		return
	}
	for i := range e.accept.listeners {
		if l := e.accept.listeners[i]; l.joined {
			e.accept.listenSet.Remove(l.fd)
			l.joined = false
		}
	}
}

// takeClients accepts waiting clients, up to a batch or the worker's capacity. An accept
// that finds no client creates a socket and a file and throws them away, so it checks
// first.
func (e *engine) takeClients(i int) {
	l := e.accept.listeners[i]
	joined := l.joined
	for n := range batch {
		if !e.mayAccept() || n > 0 && !kernel.Readable(l.fd) || !e.takeClient(l) {
			break
		}
	}
	e.join()
	if joined && !l.joined && e.overloaded() {
		e.agenda[backDuty] = e.clock.mono + int64(backAfter)
	}
}

// lookBack rings if clients are still waiting that this worker has left to others,
// because it has more sessions than they have: the clients woke this worker only, so
// another one has to be woken. Usually another worker is awake anyway.
func (e *engine) lookBack() {
	for i := range e.accept.listeners {
		if l := e.accept.listeners[i]; !l.joined && !l.closed && e.overloaded() && kernel.Readable(l.fd) {
			e.sendDoorbell(report.Leaving, 0)
		}
	}
}

// rescue takes clients when a nudge says that they wait although a worker could serve
// them. It ignores how many sessions other workers have: those with fewer may be stopped.
func (e *engine) rescue(i int) {
	l := e.accept.listeners[i]
	for range rescued {
		if !e.canServe() || !e.takeClient(l) {
			break
		}
	}
	if l.joined && !e.accept.apart { // when it joins again, it is told of the remaining clients
		e.accept.listenSet.Remove(l.fd)
		l.joined = false
	}
	e.join()
}

// takeClient accepts one client, if there is one.
func (e *engine) takeClient(l *listener) bool {
	if l.closed {
		return false
	}
	if e.board.Behind() { // no client is served after a change as before it
		if e.readOrders(); l.closed || !e.canServe() {
			return false
		}
	}
	fd, client, errno := kernel.Accept(l.fd)
	switch e.judgeAccept(errno) {
	case took:
		e.admit(fd, client)
		return true
	case lost:
		return true
	case shut:
		e.leave(l)
		e.draining = true
	case hindered:
		e.rest()
	}
	return false
}

// leave removes a listener from the set for good.
func (e *engine) leave(l *listener) {
	if l.joined {
		e.accept.listenSet.Remove(l.fd)
	}
	l.joined, l.closed = false, true
}

// admit starts the session of a new client, unless the rules refuse it.
func (e *engine) admit(fd int, client board.Addr) {
	if !e.admits(&client) {
		kernel.Close(fd)
		return
	}
	s := e.place()
	s.client.fd = fd
	e.begins(s.row, client)
	if errno := e.poll.Add(fd, peerEvents, kernel.MakeTag(onClient, int(s.index), s.epoch)); errno != 0 {
		e.records.fail("epoll", errno)
		f := failed("epoll", errno)
		s.who = e.culprit(&f)
		s.row.Errno.Store(uint32(errno))
		e.abort(s, board.Denied)
		return
	}
	if e.accept.apart {
		e.agenda[asideDuty] = e.clock.mono + int64(titleLag)
	}
	e.connect(s)
	e.tellSoon()
}

// resting reports whether accepting is paused until this host has again what it was short
// of.
func (e *engine) resting() bool { return e.agenda[acceptDuty] != 0 }

// rest pauses accepting for a while.
func (e *engine) rest() { e.agenda[acceptDuty] = e.clock.mono + int64(resources) }

// drain takes no more clients. It leaves the listeners only after a last accept has found
// no client, because a waiting client may have woken this worker and no other.
func (e *engine) drain() {
	if e.draining {
		return
	}
	for _, l := range e.accept.listeners {
		e.lastAccept(l)
	}
	e.draining = true
}

// lastAccept takes the clients that may have woken this worker, and leaves a listener.
func (e *engine) lastAccept(l *listener) {
	wasJoined := l.joined
	if wasJoined {
		e.accept.listenSet.Remove(l.fd)
		l.joined = false
	}
	for wasJoined && e.room() && e.board.State.Gate.Load() == board.GateOpen && e.takeClient(l) {
	}
	l.closed = true
}
