// A timer that wakes a waiting thread (timerfd_create(2)).

package kernel

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// Alarm wakes a waiting worker when something is due (timerfd_create(2)). For a
// timeout the kernel starts a timer at every wait and stops it at the event,
// which is a twentieth of what a lone client's request costs. The alarm is set
// once, and stays: what is put off meanwhile costs nothing until it rings, and
// then it is set anew.
type Alarm struct {
	FD   int
	at   int64               // monotonic ns; Never if it is not set
	when [2]syscall.Timespec // struct itimerspec: no interval, and at
}

const (
	timerAbsolute = 1                     // TFD_TIMER_ABSTIME
	afterwards    = 50 * time.Microsecond // it rings, so that the worker's clock is there too
)

// Never is no time at which an alarm rings.
const Never = int64(1<<63 - 1)

// Open makes the alarm, which each of the sets tells of with a tag.
func (a *Alarm) Open(t Tag, sets ...*Poller) error {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return fmt.Errorf("timerfd: %w", errno)
	}
	a.FD, a.at = int(fd), Never
	for _, set := range sets {
		// By edges, so that nobody has to read how often it has rung.
		if errno := set.Add(a.FD, syscall.EPOLLIN|Edge, t); errno != 0 {
			return fmt.Errorf("epoll: timerfd: %w", errno)
		}
	}
	return nil
}

// RingBy has it ring at a moment, in monotonic ns, unless it rings earlier.
func (a *Alarm) RingBy(at int64) {
	if at >= a.at {
		return
	}
	a.at, a.when[1] = at, syscall.NsecToTimespec(at+int64(afterwards))
	syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(a.FD), timerAbsolute, uintptr(unsafe.Pointer(&a.when)), 0, 0, 0)
}

// Rang takes note that it has rung.
func (a *Alarm) Rang() { a.at = Never }
