//go:build linux && !portable

package worker

import (
	"syscall"
	"unsafe"
)

// poller is the worker's epoll set and its way of waiting, which decides what
// a connection costs. A raw wait is cheap, but Go's runtime can't rest during
// one: its monitor thread wakes up a hundred times a second. The long wait
// tells the scheduler and costs nothing while it lasts, but each one is some
// fifty wake-ups of that thread, until it has made sure that nothing is to be
// done. So a worker waits raw for a while after its last event.
type poller struct {
	fd     int
	events []event
}

// event is struct epoll_event (epoll_ctl(2)), packed as on amd64 and padded
// elsewhere by eventPad.
type event struct {
	flags uint32
	_     [eventPad]byte
	tag   tag
}

// tag says whom an event concerns: kind (4 bits), row or listener (28), and the
// session's turn on its row (32).
type tag struct{ lo, hi uint32 }

type tagKind uint32

const (
	onLifeline tagKind = iota
	onListener
	onClient
	onTarget
	onTerm
	onAlarm
)

// peerEvents are what a session's sockets are watched for. EPOLLPRI is an urgent mark.
const peerEvents = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLPRI | syscall.EPOLLRDHUP | epollEdge

func tagOf(kind tagKind, index int, turn uint32) tag {
	return tag{lo: uint32(kind)<<28 | uint32(index), hi: turn}
}

func (t tag) kind() tagKind { return tagKind(t.lo >> 28) }
func (t tag) index() int    { return int(t.lo & (1<<28 - 1)) }
func (t tag) epoch() uint32 { return t.hi }

func (p *poller) open() (err error) {
	p.events = make([]event, 64)
	p.fd, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return err
}

func (p *poller) control(op, fd int, e *event) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(e)), 0, 0)
	return errno
}

// scratch is the event that add passes: on the heap, so that it can't move.
var scratch = new(event)

func (p *poller) add(fd int, flags uint32, t tag) syscall.Errno {
	scratch.flags, scratch.tag = flags, t
	return p.control(syscall.EPOLL_CTL_ADD, fd, scratch)
}

func (p *poller) remove(fd int) { p.control(syscall.EPOLL_CTL_DEL, fd, scratch) }

// wait waits raw for at most ms milliseconds, or until an event with -1. A limit
// in between costs a timer: see alarm.
func (p *poller) wait(ms int) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// sleep waits for ms milliseconds, or for ever with -1, and lets the runtime rest.
func (p *poller) sleep(ms int) int {
	n, _, errno := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
