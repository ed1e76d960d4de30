//go:build linux

// A thin wrapper of epoll.

package sock

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Epoll is a level-triggered interest list. Closing a descriptor removes it.
type Epoll struct {
	fd     int
	events [256]unix.EpollEvent
}

// Events to wait for.
const (
	In  = unix.EPOLLIN
	Out = unix.EPOLLOUT
)

// NewEpoll returns an empty list.
func NewEpoll() (*Epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return &Epoll{fd: fd}, err
}

// Add adds a descriptor to the list; Wait returns its events with tag.
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

// Wait returns the events, after at most ms milliseconds; -1 waits without
// limit. The slice is valid until the next Wait.
func (p *Epoll) Wait(ms int) []unix.EpollEvent {
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(ms), 0, 0)
	if e != 0 {
		return nil // EINTR: the caller tries again
	}
	return p.events[:n]
}

// Close closes the list.
func (p *Epoll) Close() { Close(p.fd) }
