//go:build !linux

// The watcher on other systems: one kqueue of report pipes, processes and
// listeners, in which one thread waits.

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

// Watcher watches what happens outside: doorbells on the report pipes, deaths of
// workers, and a client at a listener where no worker waits. It waits for all of
// them in one kqueue(2), which reports a death with its status and does not reap
// the process. This takes one thread, because not every system lets Go's poller
// wait for a kqueue. Where Linux uses a pidfd, the PID is used here.
type Watcher struct {
	set  int
	Seen chan Events          // what was seen, in batches; return each with Spent
	back chan []report.Record // returned batches, to be filled again

	pipes []int // read ends
	bells []byte

	wakeFD  [2]int // pipe: wakes the watcher for Hold
	holding atomic.Bool
	held    chan struct{}
	resumed chan struct{}

	mu   sync.Mutex
	ids  map[int]uint64 // of watched workers, by PID
	ends map[int]Status // of dead workers that are not reaped yet
}

// New makes a watcher that watches nothing yet.
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

// Pipe adds a report pipe, before Start or after it.
func (w *Watcher) Pipe(_ uint32, fd int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pipes = append(w.pipes, fd)
	return w.add(fd, unix.EVFILT_READ, 0, 0, 0)
}

// Child adds a worker; its death is reported with the worker's id. A process that
// is already dead cannot be watched on every system (ESRCH). Then a timer reports
// its death, so that its doorbells are read first as always.
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

// Listen asks for one report of a client that waits.
func (w *Watcher) Listen(fd int) { w.add(fd, unix.EVFILT_READ, unix.EV_ONESHOT, 0, 0) }

// Ticker returns a channel with the ticks.
func (w *Watcher) Ticker(every time.Duration) (<-chan time.Time, error) {
	return time.NewTicker(every).C, nil
}

// Forget removes a report pipe, before it is closed.
func (w *Watcher) Forget(_ uint32, fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pipes = slices.DeleteFunc(w.pipes, func(other int) bool { return other == fd })
}

// Hold stops the watcher: events stay where they are. The returned channel is
// closed when it has stopped; until then it may deliver one more batch.
func (w *Watcher) Hold() <-chan struct{} {
	w.held, w.resumed = make(chan struct{}), make(chan struct{})
	w.holding.Store(true)
	unix.Write(w.wakeFD[1], []byte{0})
	return w.held
}

// Resume lets the watcher continue.
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
				panic(err) // cannot happen: the queue is never closed, and events has room
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
		case unix.EVFILT_TIMER: // its status is unknown until it is reaped
			s.Dead = append(s.Dead, w.ids[of])
		case unix.EVFILT_READ:
			pipe := slices.Contains(w.pipes, of)
			s.Arrival = s.Arrival || of != w.wakeFD[0] && !pipe                  // the listener
			if pipe && e.Flags&unix.EV_EOF != 0 && int(e.Data) <= len(w.bells) { // one read takes everything
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
		// One read: what is written from now on is reported with the next batch.
		if n, err := unix.Read(fd, w.bells); err == nil {
			s.hear(w.bells[:n])
		}
	}
	for _, fd := range hung {
		w.stopListening(fd)
	}
	return s
}

// stopListening removes a report pipe from the queue when it has no writers left
// and is read to its end. Otherwise it would be reported again and again.
func (w *Watcher) stopListening(fd int) {
	var change unix.Kevent_t
	unix.SetKevent(&change, fd, unix.EVFILT_READ, unix.EV_DELETE)
	unix.Kevent(w.set, []unix.Kevent_t{change}, nil, nil)
}

// Spent returns a batch's memory.
func (w *Watcher) Spent(s Events) {
	if s.Bells != nil {
		select {
		case w.back <- s.Bells:
		default:
		}
	}
}

// Status returns how a worker ended, but does not reap it: the PID stays in use.
func (w *Watcher) Status(pid int) Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ends[pid]
}

// Reap gives the worker's PID back to the kernel. The worker has ended, or is
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

// WantPidfd makes a fork return what identifies the new process for Child.
func WantPidfd(*syscall.SysProcAttr) {}

// GotPidfd returns what identifies a process for Child that was forked with
// WantPidfd: its pidfd, or its PID on systems without pidfds.
func GotPidfd(_ *syscall.SysProcAttr, pid int) int { return pid }
