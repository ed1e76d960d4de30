//go:build linux

package sock

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Epoll is a level-triggered interest list. A descriptor leaves it by being
// closed.
type Epoll struct {
	fd     int
	events [256]unix.EpollEvent
}

// Interests.
const (
	In  = unix.EPOLLIN
	Out = unix.EPOLLOUT
)

// NewEpoll returns an empty list.
func NewEpoll() (*Epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return &Epoll{fd: fd}, err
}

// Add puts a descriptor on the list; Wait gives it back with tag.
func (p *Epoll) Add(fd int, interest uint32, tag int) syscall.Errno {
	return p.ctl(unix.EPOLL_CTL_ADD, fd, interest, tag)
}

// Change replaces the interest and the tag of a descriptor on the list.
func (p *Epoll) Change(fd int, interest uint32, tag int) syscall.Errno {
	return p.ctl(unix.EPOLL_CTL_MOD, fd, interest, tag)
}

func (p *Epoll) ctl(op, fd int, interest uint32, tag int) syscall.Errno {
	ev := unix.EpollEvent{Events: interest, Fd: int32(tag)}
	_, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

// Wait returns what is ready, after at most ms milliseconds; -1 waits without
// end. The slice is valid until the next Wait.
func (p *Epoll) Wait(ms int) []unix.EpollEvent {
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(ms), 0, 0)
	if e != 0 {
		return nil // EINTR: the caller comes back
	}
	return p.events[:n]
}

// Close gives the list up.
func (p *Epoll) Close() { Close(p.fd) }
