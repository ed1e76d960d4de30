//go:build !linux

// The watcher on other systems: one kqueue of report pipes, processes and listeners,
// waited for by one thread.

package watch

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/worker/report"
)

// Watcher sees what happens outside: doorbells on the report pipes, deaths of
// workers, and a client at a listener that nobody sleeps on. It waits for all of
// them in one kqueue(2), which tells a death with its status and leaves the dead
// to be reaped. This takes one thread: not every system lets Go's poller wait
// for a kqueue. What Linux has a pidfd for is known by its PID here.
type Watcher struct {
	set  int
	Seen chan Events          // what was seen, batch by batch; each is given back to Spent
	back chan []report.Record // spent batches, to be filled again

	pipes []int // read ends
	bells []byte

	wakeFD  [2]int // pipe: hold wants to be noticed
	holding atomic.Bool
	held    chan struct{}
	resumed chan struct{}

	mu   sync.Mutex
	ids  map[int]uint64 // of watched workers, by PID
	ends map[int]Status // of dead ones that are not reaped yet
}

// New makes a watcher that sees nothing yet.
func New() (*Watcher, error) {
	set, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	w := &Watcher{set: set, Seen: make(chan Events), back: make(chan []report.Record, 2),
		bells: make([]byte, 64<<10), ids: map[int]uint64{}, ends: map[int]Status{}}
	if err := host.Pipe(w.wakeFD[:]); err != nil {
		return nil, err
	}
	return w, w.add(w.wakeFD[0], unix.EVFILT_READ, 0, 0, 0)
}

// add asks for one kind of event (filter) of a descriptor or process.
func (w *Watcher) add(of, filter, flags int, notes uint32, data int64) error {
	var change unix.Kevent_t
	unix.SetKevent(&change, of, filter, unix.EV_ADD|flags)
	change.Fflags, change.Data = notes, data
	_, err := unix.Kevent(w.set, []unix.Kevent_t{change}, nil, nil)
	return err
}

// Pipe adds a report pipe, before start or after it.
func (w *Watcher) Pipe(_ uint32, fd int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pipes = append(w.pipes, fd)
	return w.add(fd, unix.EVFILT_READ, 0, 0, 0)
}

// Child adds a worker: its death comes with the worker's id. One that is dead
// already can't be watched everywhere (ESRCH): a timer tells its death then, so
// that its doorbells are read first as always.
func (w *Watcher) Child(id uint64, pid, _ int) error {
	w.mu.Lock()
	w.ids[pid] = id
	w.mu.Unlock()
	err := w.add(pid, unix.EVFILT_PROC, unix.EV_ONESHOT, exitNotes, 0)
	if err == unix.ESRCH {
		err = w.add(pid, unix.EVFILT_TIMER, unix.EV_ONESHOT, 0, 1)
	}
	return err
}

// Listen asks for one sighting of a client that waits.
func (w *Watcher) Listen(fd int) { w.add(fd, unix.EVFILT_READ, unix.EV_ONESHOT, 0, 0) }

// Ticker is a channel to be waited on besides.
func (w *Watcher) Ticker(every time.Duration) (<-chan time.Time, error) {
	return time.NewTicker(every).C, nil
}

// Forget takes a report pipe away, before it is closed.
func (w *Watcher) Forget(_ uint32, fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pipes = slices.DeleteFunc(w.pipes, func(other int) bool { return other == fd })
}

// Hold stops the watcher: what there is to see stays where it is. The returned
// channel is closed when it has stopped; until then it may deliver one more.
func (w *Watcher) Hold() <-chan struct{} {
	w.held, w.resumed = make(chan struct{}), make(chan struct{})
	w.holding.Store(true)
	unix.Write(w.wakeFD[1], []byte{0})
	return w.held
}

// Resume lets it go on.
func (w *Watcher) Resume() {
	w.holding.Store(false)
	close(w.resumed)
}

// Start watches in a goroutine.
func (w *Watcher) Start() {
	go func() {
		events := make([]unix.Kevent_t, 256)
		for {
			if w.holding.Load() {
				unix.Read(w.wakeFD[0], make([]byte, 1))
				close(w.held)
				<-w.resumed
			}
			n, err := unix.Kevent(w.set, nil, events, nil)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				panic(err) // nobody closes the queue, and events has room
			}
			w.Seen <- w.collect(events[:n])
		}
	}()
}

func (w *Watcher) collect(events []unix.Kevent_t) (s Events) {
	var hung []int
	w.mu.Lock()
	for i := range events {
		e := &events[i]
		switch of := int(e.Ident); e.Filter {
		case unix.EVFILT_PROC:
			w.ends[of] = statusOf(unix.WaitStatus(e.Data))
			s.Dead = append(s.Dead, w.ids[of])
		case unix.EVFILT_TIMER: // how it ended is not known before it is reaped
			s.Dead = append(s.Dead, w.ids[of])
		case unix.EVFILT_READ:
			pipe := slices.Contains(w.pipes, of)
			s.Arrival = s.Arrival || of != w.wakeFD[0] && !pipe                  // the listener
			if pipe && e.Flags&unix.EV_EOF != 0 && int(e.Data) <= len(w.bells) { // one read takes it all
				hung = append(hung, of)
			}
		}
	}
	w.mu.Unlock()
	select {
	case s.Bells = <-w.back:
	default:
	}
	s.Bells = s.Bells[:0]
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fd := range w.pipes {
		// One read: what is written from now on comes with the next batch.
		if n, err := unix.Read(fd, w.bells); err == nil {
			s.hear(w.bells[:n])
		}
	}
	for _, fd := range hung {
		w.stopListening(fd)
	}
	return s
}

// stopListening takes a report pipe out of the queue when nobody can ring there any
// more and everything is read: it would be seen again and again.
func (w *Watcher) stopListening(fd int) {
	var change unix.Kevent_t
	unix.SetKevent(&change, fd, unix.EVFILT_READ, unix.EV_DELETE)
	unix.Kevent(w.set, []unix.Kevent_t{change}, nil, nil)
}

// Spent gives a batch's memory back.
func (w *Watcher) Spent(s Events) {
	if s.Bells != nil {
		select {
		case w.back <- s.Bells:
		default:
		}
	}
}

// Exit tells how a worker ended and leaves it to be reaped: the PID stays its
// own.
func (w *Watcher) Status(pid int) Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ends[pid]
}

// Reap gives the worker's PID back to the kernel. It has ended, or is just
// about to.
func (w *Watcher) Reap(pid int) {
	w.mu.Lock()
	delete(w.ids, pid)
	delete(w.ends, pid)
	w.mu.Unlock()
	host.Wait(pid)
}

func statusOf(ws unix.WaitStatus) Status {
	if ws.Signaled() {
		return Status{Known: true, Signal: ws.Signal()}
	}
	return Status{Known: true, Exit: ws.ExitStatus()}
}

// WantPidfd makes a fork return what Child knows the new process by.
func WantPidfd(*syscall.SysProcAttr) {}

// GotPidfd is what Child knows a process by that was forked with WantPidfd: its
// pidfd, or its PID on systems without pidfds.
func GotPidfd(_ *syscall.SysProcAttr, pid int) int { return pid }
