// A timer that wakes a waiting thread (timerfd_create(2)).

package kernel

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// Alarm wakes a waiting worker when something is due (timerfd_create(2)). With a timeout,
// the kernel would start a timer at every wait and stop it at the event, which is a
// twentieth of the cost of a single client's request. The alarm is set once, and stays:
// if the due time is postponed meanwhile, this costs nothing until the alarm rings and is
// set again.
type Alarm struct {
	FD   int
	at   int64               // monotonic ns; Never if it is not set
	when [2]syscall.Timespec // struct itimerspec: the interval, which is 0, and at
}

const (
	timerAbsolute = 1                     // TFD_TIMER_ABSTIME
	afterwards    = 50 * time.Microsecond // how much later it rings, so that the worker's clock has reached the time
)

// Open makes the alarm, which each of the sets reports with a tag.
func (a *Alarm) Open(t Tag, sets ...*Poller) error {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return fmt.Errorf("timerfd: %w", errno)
	}
	a.FD, a.at = int(fd), Never
	for _, set := range sets {
		// Edge-triggered, so that nobody has to read how often it has rung.
		if errno := set.Add(a.FD, syscall.EPOLLIN|Edge, t); errno != 0 {
			return fmt.Errorf("epoll: timerfd: %w", errno)
		}
	}
	return nil
}

// RingBy makes the alarm ring at a time, in monotonic ns, unless it already rings
// earlier.
func (a *Alarm) RingBy(at int64) {
	if at >= a.at {
		return
	}
	a.at, a.when[1] = at, syscall.NsecToTimespec(at+int64(afterwards))
	syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(a.FD), timerAbsolute, uintptr(unsafe.Pointer(&a.when)), 0, 0, 0)
}

// Rang records that the alarm has rung.
func (a *Alarm) Rang() { a.at = Never }
