// The watcher on Linux: one epoll set of report pipes, pidfds, listeners and a
// timer, waited for in one goroutine.

package supervisor

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/report"
)

// watcher sees what happens outside: doorbells on the report pipes, deaths on
// the workers' pidfds (pidfd_open(2)), and a client at a listener that nobody
// sleeps on. It waits in Go's poller for one epoll set of all these, so that
// watching thousands of workers takes one goroutine and no thread.
type watcher struct {
	set  int
	file *os.File
	seen chan events
	back chan []report.Record // spent batches, to be filled again

	timer   int
	wakeFD  int // eventfd: hold wants to be noticed
	holding atomic.Bool
	held    chan struct{}
	resumed chan struct{}

	mu    sync.Mutex
	pipes map[uint64]int // tag → read end
	bells []byte
}

const (
	holdTag     = uint64(1) << 60 // the watcher is to stop
	tickTag     = uint64(1) << 61 // the timer
	pipeTags    = uint64(1) << 62 // | generation: a report pipe
	listenerTag = uint64(1) << 63 // a listener
)

func newWatcher() (*watcher, error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if err := unix.SetNonblock(set, true); err != nil {
		return nil, err
	}
	w := &watcher{set: set, file: os.NewFile(uintptr(set), "watcher"), seen: make(chan events),
		back: make(chan []report.Record, 2), pipes: map[uint64]int{}, bells: make([]byte, 64<<10)}
	if w.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	return w, w.add(w.wakeFD, unix.EPOLLIN, holdTag)
}

func (w *watcher) control(op, fd int, flags uint32, tag uint64) error {
	return unix.EpollCtl(w.set, op, fd, &unix.EpollEvent{Events: flags, Fd: int32(tag), Pad: int32(tag >> 32)})
}

func (w *watcher) add(fd int, flags uint32, tag uint64) error {
	return w.control(unix.EPOLL_CTL_ADD, fd, flags, tag)
}

// generation adds a report pipe.
func (w *watcher) generation(g *generation) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	tag := pipeTags | uint64(g.number)
	w.pipes[tag] = g.report
	return w.add(g.report, unix.EPOLLIN, tag)
}

// forget takes a report pipe away, before it is closed.
func (w *watcher) forget(g *generation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pipes, pipeTags|uint64(g.number))
	w.control(unix.EPOLL_CTL_DEL, g.report, 0, 0)
}

// hold stops the watcher: what there is to see stays where it is. The returned
// channel is closed when it has stopped; until then it may deliver one more.
func (w *watcher) hold() <-chan struct{} {
	w.held, w.resumed = make(chan struct{}), make(chan struct{})
	w.holding.Store(true)
	unix.Write(w.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return w.held
}

// resume lets it go on.
func (w *watcher) resume() {
	w.holding.Store(false)
	close(w.resumed)
}

// child adds a worker's pidfd: its death comes with the worker's id.
func (w *watcher) child(id uint64, pid, pidfd int) error {
	return w.add(pidfd, unix.EPOLLIN|unix.EPOLLONESHOT, id)
}

// listen asks for one sighting of a client that waits.
func (w *watcher) listen(fd int) {
	if w.control(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN|unix.EPOLLONESHOT, listenerTag) == unix.ENOENT {
		w.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLONESHOT, listenerTag)
	}
}

// ticker makes the watcher tick: a timer of Go's would wake two threads more
// each time. There is no channel to be waited on besides.
func (w *watcher) ticker(every time.Duration) (<-chan time.Time, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	w.timer = fd
	period := unix.NsecToTimespec(int64(every))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: period, Value: period}, nil); err != nil {
		return nil, os.NewSyscallError("timerfd_settime", err)
	}
	return nil, w.add(fd, unix.EPOLLIN, tickTag)
}

// start watches in a goroutine. Its calls don't wait, so they are raw: the
// others wake the runtime's monitor thread.
func (w *watcher) start() {
	go func() {
		events := make([]unix.EpollEvent, 256)
		conn, err := w.file.SyscallConn()
		if err != nil {
			panic(err) // the set is open and pollable, or newWatcher had failed
		}
		for {
			if w.holding.Load() {
				unix.Read(w.wakeFD, make([]byte, 8))
				close(w.held)
				<-w.resumed
			}
			n := 0
			err := conn.Read(func(fd uintptr) bool {
				r, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
				if n = int(r); errno != 0 {
					n = 0
				}
				return n > 0
			})
			if err != nil {
				return // closed
			}
			w.seen <- w.collect(events[:n])
		}
	}()
}

func (w *watcher) collect(events []unix.EpollEvent) (s events) {
	rung := false
	var hung []uint64
	for i := range events {
		tag := uint64(uint32(events[i].Fd)) | uint64(uint32(events[i].Pad))<<32
		switch {
		case tag == listenerTag:
			s.arrival = true
		case tag == holdTag:
		case tag == tickTag:
			syscall.RawSyscall(unix.SYS_READ, uintptr(w.timer), uintptr(unsafe.Pointer(&w.bells[0])), 8)
			s.tick = true
		case tag&pipeTags != 0:
			rung = true
			if events[i].Events&unix.EPOLLHUP != 0 {
				hung = append(hung, tag)
			}
		default:
			s.dead = append(s.dead, tag)
		}
	}
	if !rung && s.dead == nil {
		return s
	}
	select {
	case s.bells = <-w.back:
	default:
	}
	s.bells = s.bells[:0]
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fd := range w.pipes {
		w.read(fd, &s)
	}
	for _, tag := range hung {
		w.stopListening(tag)
	}
	return s
}

// stopListening takes a report pipe out of the set when nobody can ring there any more
// and everything is read: it would be seen again and again, for as long as the
// pidfile names who rang last.
func (w *watcher) stopListening(tag uint64) {
	fd, known := w.pipes[tag]
	if !known {
		return // it was forgotten meanwhile
	}
	if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err == nil && n == 0 {
		w.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
	}
}

// read takes the doorbells that are in a pipe now.
func (w *watcher) read(fd int, s *events) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ) // FIONREAD by its other name
	if err != nil || n <= 0 {
		return
	}
	n, err = unix.Read(fd, w.bells[:min(n, len(w.bells))])
	if err != nil {
		return
	}
	s.hear(w.bells[:n])
}

// spent gives a batch's memory back.
func (w *watcher) spent(s events) {
	if s.bells != nil {
		select {
		case w.back <- s.bells:
		default:
		}
	}
}

// status tells how a worker ended and leaves it to be reaped (waitid(2) with
// WNOWAIT): the PID stays its own.
func (w *watcher) status(pidfd int) waitStatus {
	return waitFor(pidfd, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT)
}

// reap gives the worker's PID back to the kernel.
func (w *watcher) reap(pidfd int) {
	waitFor(pidfd, unix.WEXITED|unix.WNOHANG)
	unix.Close(pidfd) // which takes it out of the set, too
}

func waitFor(pidfd, options int) (s waitStatus) {
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PIDFD, pidfd, &info, options, nil); err != nil || info.Signo == 0 {
		return s
	}
	status := siginfoStatus(&info)
	s.known = true
	if info.Code == cldExited {
		s.status = status
	} else {
		s.signal = unix.Signal(status)
	}
	return s
}

const cldExited = 1 // waitid(2): si_code CLD_EXITED

func wantPidfd(attr *syscall.SysProcAttr) { attr.PidFD = new(int) }

func gotPidfd(attr *syscall.SysProcAttr, _ int) int { return *attr.PidFD }

// siginfoStatus reads si_status, which x/sys leaves unnamed: on Linux it
// follows si_pid and si_uid behind the three leading integers and their
// padding (sigaction(2)).
func siginfoStatus(info *unix.Siginfo) int {
	offset := uintptr(12)
	if unsafe.Sizeof(uintptr(0)) == 8 {
		offset = 16
	}
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset+8)))
}
