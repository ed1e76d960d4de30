// The watcher on Linux: one epoll set of report pipes, pidfds, listeners and a
// timer, in which one goroutine waits.

package watch

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

// Watcher watches what happens outside: doorbells on the report pipes, deaths on
// the workers' pidfds (pidfd_open(2)), and a client at a listener where no worker
// waits. All of these are in one epoll set, which is itself in Go's poller, so
// that watching thousands of workers takes one goroutine and no thread.
type Watcher struct {
	set  int
	file *os.File
	Seen chan Events          // what was seen, in batches; return each with Spent
	back chan []report.Record // returned batches, to be filled again

	timer   int
	wakeFD  int // eventfd: wakes the watcher for Hold
	holding atomic.Bool
	held    chan struct{}
	resumed chan struct{}

	mu    sync.Mutex
	pipes map[uint64]int // tag → read end
	bells []byte
}

const (
	holdTag     = uint64(1) << 60 // stops the watcher
	tickTag     = uint64(1) << 61 // the timer
	pipeTags    = uint64(1) << 62 // | tag: a report pipe
	listenerTag = uint64(1) << 63 // a listener
)

// New makes a watcher that watches nothing yet.
func New() (*Watcher, error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if err := unix.SetNonblock(set, true); err != nil {
		return nil, err
	}
	w := &Watcher{set: set, file: os.NewFile(uintptr(set), "watcher"), Seen: make(chan Events),
		back: make(chan []report.Record, 2), pipes: map[uint64]int{}, bells: make([]byte, 64<<10)}
	if w.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	return w, w.add(w.wakeFD, unix.EPOLLIN, holdTag)
}

func (w *Watcher) control(op, fd int, flags uint32, tag uint64) error {
	return unix.EpollCtl(w.set, op, fd, &unix.EpollEvent{Events: flags, Fd: int32(tag), Pad: int32(tag >> 32)})
}

func (w *Watcher) add(fd int, flags uint32, tag uint64) error {
	return w.control(unix.EPOLL_CTL_ADD, fd, flags, tag)
}

// Pipe adds a report pipe with its own tag.
func (w *Watcher) Pipe(tag uint32, fd int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pipes[pipeTags|uint64(tag)] = fd
	return w.add(fd, unix.EPOLLIN, pipeTags|uint64(tag))
}

// Forget removes a report pipe, before it is closed.
func (w *Watcher) Forget(tag uint32, fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pipes, pipeTags|uint64(tag))
	w.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

// Close ends a watcher that is no longer read. The master's own never
// ends.
func (w *Watcher) Close() { w.file.Close() }

// Hold stops the watcher: events stay where they are. The returned channel is
// closed when it has stopped; until then it may deliver one more batch.
func (w *Watcher) Hold() <-chan struct{} {
	w.held, w.resumed = make(chan struct{}), make(chan struct{})
	w.holding.Store(true)
	unix.Write(w.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return w.held
}

// Resume lets the watcher continue.
func (w *Watcher) Resume() {
	w.holding.Store(false)
	close(w.resumed)
}

// Child adds a worker's pidfd; its death is reported with the worker's id.
func (w *Watcher) Child(id uint64, pid, pidfd int) error {
	return w.add(pidfd, unix.EPOLLIN|unix.EPOLLONESHOT, id)
}

// Listen asks for one report of a client that waits.
func (w *Watcher) Listen(fd int) {
	if w.control(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN|unix.EPOLLONESHOT, listenerTag) == unix.ENOENT {
		w.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLONESHOT, listenerTag)
	}
}

// Ticker makes the watcher tick; one of Go's timers would wake two more threads
// each time. The returned channel is nil: the ticks are in the batches.
func (w *Watcher) Ticker(every time.Duration) (<-chan time.Time, error) {
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

// Start watches in a goroutine. Its system calls never block, so they are raw:
// others would wake the runtime's monitor thread.
func (w *Watcher) Start() {
	go func() {
		events := make([]unix.EpollEvent, 256)
		conn, err := w.file.SyscallConn()
		if err != nil {
			panic(err) // cannot happen: New has checked that the set is open and pollable
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
			w.Seen <- w.collect(events[:n])
		}
	}()
}

func (w *Watcher) collect(events []unix.EpollEvent) (s Events) {
	rung := false
	var hung []uint64
	for i := range events {
		tag := uint64(uint32(events[i].Fd)) | uint64(uint32(events[i].Pad))<<32
		switch {
		case tag == listenerTag:
			s.Arrival = true
		case tag == holdTag:
		case tag == tickTag:
			syscall.RawSyscall(unix.SYS_READ, uintptr(w.timer), uintptr(unsafe.Pointer(&w.bells[0])), 8)
			s.Tick = true
		case tag&pipeTags != 0:
			rung = true
			if events[i].Events&unix.EPOLLHUP != 0 {
				hung = append(hung, tag)
			}
		default:
			s.Dead = append(s.Dead, tag)
		}
	}
	if !rung && s.Dead == nil {
		return s
	}
	select {
	case s.Bells = <-w.back:
	default:
	}
	s.Bells = s.Bells[:0]
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

// stopListening removes a report pipe from the set when it has no writers left and
// is read to its end. Otherwise it would be reported again and again.
func (w *Watcher) stopListening(tag uint64) {
	fd, known := w.pipes[tag]
	if !known {
		return // it was removed meanwhile
	}
	if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err == nil && n == 0 {
		w.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
	}
}

// read reads the doorbells that are in a pipe now.
func (w *Watcher) read(fd int, s *Events) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ) // another name for FIONREAD
	if err != nil || n <= 0 {
		return
	}
	n, err = unix.Read(fd, w.bells[:min(n, len(w.bells))])
	if err != nil {
		return
	}
	s.hear(w.bells[:n])
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

// Status returns how a worker ended, but does not reap it (waitid(2) with
// WNOWAIT): the PID stays in use.
func (w *Watcher) Status(pidfd int) Status {
	return waitFor(pidfd, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT)
}

// Reap gives the worker's PID back to the kernel.
func (w *Watcher) Reap(pidfd int) {
	waitFor(pidfd, unix.WEXITED|unix.WNOHANG)
	unix.Close(pidfd) // which removes it from the set, too
}

func waitFor(pidfd, options int) (s Status) {
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PIDFD, pidfd, &info, options, nil); err != nil || info.Signo == 0 {
		return s
	}
	status := siginfoStatus(&info)
	s.Known = true
	if info.Code == cldExited {
		s.Exit = status
	} else {
		s.Signal = unix.Signal(status)
	}
	return s
}

const cldExited = 1 // waitid(2): si_code CLD_EXITED

// WantPidfd makes a fork return what identifies the new process for Child.
func WantPidfd(attr *syscall.SysProcAttr) { attr.PidFD = new(int) }

// GotPidfd returns what identifies a process for Child that was forked with
// WantPidfd: its pidfd, or its PID on systems without pidfds.
func GotPidfd(attr *syscall.SysProcAttr, _ int) int { return *attr.PidFD }

// siginfoStatus reads si_status, which x/sys does not name: on Linux it comes
// after the three leading integers, their padding, si_pid and si_uid
// (sigaction(2)).
func siginfoStatus(info *unix.Siginfo) int {
	offset := uintptr(12)
	if unsafe.Sizeof(uintptr(0)) == 8 {
		offset = 16
	}
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset+8)))
}
