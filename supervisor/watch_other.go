//go:build !linux

package supervisor

import (
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/report"
)

// watcher sees what happens outside: doorbells on the report pipes, deaths of
// workers, and a client at a listener that nobody sleeps on. It waits for all of
// them in one kqueue(2), which tells a death with its status and leaves the dead
// to be reaped. This takes one thread: not every system lets Go's poller wait
// for a kqueue. What Linux has a pidfd for is known by its PID here.
type watcher struct {
	set  int
	seen chan sighting
	back chan []report.Record // spent batches, to be filled again

	pipes []int // read ends
	bells []byte

	mu   sync.Mutex
	ids  map[int]uint64     // of watched workers, by PID
	ends map[int]waitStatus // of dead ones that are not reaped yet
}

func newWatcher() (*watcher, error) {
	set, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	return &watcher{set: set, seen: make(chan sighting), back: make(chan []report.Record, 2),
		bells: make([]byte, 64<<10), ids: map[int]uint64{}, ends: map[int]waitStatus{}}, nil
}

// add asks for one kind of event (filter) of a descriptor or process.
func (w *watcher) add(of, filter, flags int, notes uint32, data int64) error {
	var change unix.Kevent_t
	unix.SetKevent(&change, of, filter, unix.EV_ADD|flags)
	change.Fflags, change.Data = notes, data
	_, err := unix.Kevent(w.set, []unix.Kevent_t{change}, nil, nil)
	return err
}

// generation adds a report pipe; before start only.
func (w *watcher) generation(g *generation) error {
	w.pipes = append(w.pipes, g.report)
	return w.add(g.report, unix.EVFILT_READ, 0, 0, 0)
}

// child adds a worker: its death comes with the worker's id. One that is dead
// already can't be watched everywhere (ESRCH): a timer tells its death then, so
// that its doorbells are read first as always.
func (w *watcher) child(id uint64, pid, _ int) error {
	w.mu.Lock()
	w.ids[pid] = id
	w.mu.Unlock()
	err := w.add(pid, unix.EVFILT_PROC, unix.EV_ONESHOT, exitNotes, 0)
	if err == unix.ESRCH {
		err = w.add(pid, unix.EVFILT_TIMER, unix.EV_ONESHOT, 0, 1)
	}
	return err
}

// listen asks for one sighting of a client that waits.
func (w *watcher) listen(fd int) { w.add(fd, unix.EVFILT_READ, unix.EV_ONESHOT, 0, 0) }

// ticker is a channel to be waited on besides.
func (w *watcher) ticker(every time.Duration) (<-chan time.Time, error) {
	return time.NewTicker(every).C, nil
}

// start watches in a goroutine.
func (w *watcher) start() {
	go func() {
		events := make([]unix.Kevent_t, 256)
		for {
			n, err := unix.Kevent(w.set, nil, events, nil)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				panic(err) // nobody closes the queue, and events has room
			}
			w.seen <- w.look(events[:n])
		}
	}()
}

func (w *watcher) look(events []unix.Kevent_t) (s sighting) {
	w.mu.Lock()
	for i := range events {
		e := &events[i]
		switch of := int(e.Ident); e.Filter {
		case unix.EVFILT_PROC:
			w.ends[of] = statusOf(unix.WaitStatus(e.Data))
			s.dead = append(s.dead, w.ids[of])
		case unix.EVFILT_TIMER: // how it ended is not known before it is reaped
			s.dead = append(s.dead, w.ids[of])
		case unix.EVFILT_READ:
			s.arrival = s.arrival || !slices.Contains(w.pipes, of) // the listener
		}
	}
	w.mu.Unlock()
	select {
	case s.bells = <-w.back:
	default:
	}
	s.bells = s.bells[:0]
	for _, fd := range w.pipes {
		// One read: what is written from now on comes with the next batch.
		if n, err := unix.Read(fd, w.bells); err == nil {
			s.hear(w.bells[:n])
		}
	}
	return s
}

// spent gives a batch's memory back.
func (w *watcher) spent(s sighting) {
	if s.bells != nil {
		select {
		case w.back <- s.bells:
		default:
		}
	}
}

// status tells how a worker ended and leaves it to be reaped: the PID stays its
// own.
func (w *watcher) status(pid int) waitStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ends[pid]
}

// reap gives the worker's PID back to the kernel. It has ended, or is just
// about to.
func (w *watcher) reap(pid int) {
	w.mu.Lock()
	delete(w.ids, pid)
	delete(w.ends, pid)
	w.mu.Unlock()
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
			return
		}
	}
}

func statusOf(ws unix.WaitStatus) waitStatus {
	if ws.Signaled() {
		return waitStatus{known: true, signal: ws.Signal()}
	}
	return waitStatus{known: true, status: ws.ExitStatus()}
}

func wantPidfd(*syscall.SysProcAttr) {}

func gotPidfd(_ *syscall.SysProcAttr, pid int) int { return pid }
