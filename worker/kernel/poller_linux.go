// The epoll set and the two ways of waiting for it (epoll(7)).

package kernel

import (
	"syscall"
	"unsafe"
)

// Poller is the worker's epoll set and its way of waiting, which determines what a
// connection costs. A raw wait is cheap, but Go's runtime can't rest during it: its
// monitor thread wakes up a hundred times a second. The long wait tells the scheduler,
// and costs nothing while it lasts, but each one causes some fifty wake-ups of that
// thread, until it has found that there is nothing to do. So a worker waits raw for a
// while after its last event.
type Poller struct {
	FD     int
	Events []Event // Wait and Sleep fill the first of these
}

// Event is struct epoll_event (epoll_ctl(2)), packed as on amd64 and padded
// elsewhere by eventPad.
type Event struct {
	Flags uint32
	_     [eventPad]byte
	Tag   Tag
}

// Flags of an Event for which package syscall has no names.
const (
	Exclusive = 1 << 28 // EPOLLEXCLUSIVE
	Edge      = 1 << 31 // EPOLLET
)

// Tag says what an event concerns: its kind (4 bits), an index (28) and an epoch (32),
// whose meaning is up to the caller.
type Tag struct{ lo, hi uint32 }

// TagKind is a kind of tag, up to 15.
type TagKind uint32

// MakeTag makes a tag from its parts.
func MakeTag(kind TagKind, index int, epoch uint32) Tag {
	return Tag{lo: uint32(kind)<<28 | uint32(index), hi: epoch}
}

// Kind, Index and Epoch are the tag's parts.
func (t Tag) Kind() TagKind { return TagKind(t.lo >> 28) }
func (t Tag) Index() int    { return int(t.lo & (1<<28 - 1)) }
func (t Tag) Epoch() uint32 { return t.hi }

// Open makes the epoll set.
func (p *Poller) Open() syscall.Errno {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	p.FD, p.Events = fd, make([]Event, 64)
	return Errno(err)
}

func (p *Poller) control(op, fd int, e *Event) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(p.FD), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(e)), 0, 0)
	return errno
}

// scratch is the event that Add passes: a package variable does not move.
var scratch Event

// Add watches a descriptor; t comes with each of its events.
func (p *Poller) Add(fd int, flags uint32, t Tag) syscall.Errno {
	scratch.Flags, scratch.Tag = flags, t
	return p.control(syscall.EPOLL_CTL_ADD, fd, &scratch)
}

// Remove stops watching a descriptor.
func (p *Poller) Remove(fd int) { p.control(syscall.EPOLL_CTL_DEL, fd, &scratch) }

// Wait waits raw for at most ms milliseconds, or with -1 until there is an event. A limit
// other than 0 and -1 costs a timer: see Alarm.
func (p *Poller) Wait(ms int) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.FD), uintptr(unsafe.Pointer(&p.Events[0])), uintptr(len(p.Events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// Sleep waits for at most ms milliseconds, or with -1 until there is an event, and lets
// the runtime rest.
func (p *Poller) Sleep(ms int) int {
	n, _, errno := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.FD), uintptr(unsafe.Pointer(&p.Events[0])), uintptr(len(p.Events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
