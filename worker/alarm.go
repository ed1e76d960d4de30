//go:build linux && !portable

package worker

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// alarm wakes a waiting worker when something is due (timerfd_create(2)). For a
// timeout the kernel starts a timer at every wait and stops it at the event,
// which is a twentieth of what a lone client's request costs. The alarm is set
// once, and stays: what is put off meanwhile costs nothing until it rings, and
// then it is set anew.
type alarm struct {
	fd   int
	at   int64               // monotonic ns; never if it is not set
	when [2]syscall.Timespec // struct itimerspec: no interval, and at
}

const (
	timerAbsolute = 1                     // TFD_TIMER_ABSTIME
	afterwards    = 50 * time.Microsecond // it rings, so that the worker's clock is there too
)

// open makes the alarm, which each of the sets will tell of.
func (a *alarm) open(sets ...*poller) error {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return fmt.Errorf("timerfd: %w", errno)
	}
	a.fd, a.at = int(fd), never
	for _, set := range sets {
		// By edges, so that nobody has to read how often it has rung.
		if errno := set.add(a.fd, syscall.EPOLLIN|epollEdge, tagOf(onAlarm, 0, 0)); errno != 0 {
			return fmt.Errorf("epoll: timerfd: %w", errno)
		}
	}
	return nil
}

// ringBy has it ring at a moment, in monotonic ns, unless it rings earlier.
func (a *alarm) ringBy(at int64) {
	if at >= a.at {
		return
	}
	a.at, a.when[1] = at, syscall.NsecToTimespec(at+int64(afterwards))
	syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(a.fd), timerAbsolute, uintptr(unsafe.Pointer(&a.when)), 0, 0, 0)
}

// rang takes note that it has rung.
func (a *alarm) rang() { a.at = never }

// quiet reports that nobody has come to do anything.
func quiet(events []event) bool {
	return len(events) == 0 || len(events) == 1 && events[0].tag.kind() == onAlarm
}

// setAlarm sees to it that a wait ends in time, and returns its timeout: 0 when
// there is something to do now, else none.
func (e *engine) setAlarm() int {
	until := min(e.coolDue, e.next())
	if len(e.runAgainSoon) != 0 || until <= e.clock.mono {
		return 0
	}
	e.alarm.ringBy(until)
	return -1
}

// patience is how long, in ms, a sleep may last; -1 is for ever.
func (e *engine) patience() int {
	until := e.next()
	if until == never {
		return -1
	}
	return int((max(0, until-e.clock.mono) + int64(time.Millisecond) - 1) / int64(time.Millisecond))
}

// next is when something has to be done even without an event, in monotonic ns.
func (e *engine) next() int64 {
	return min(e.due.next(), orNever(e.visits.due), e.accept.retryAt(), orNever(e.bell.due), orNever(e.asideDue), orNever(e.backDue), orNever(e.lineRetryDue))
}

func orNever(at int64) int64 {
	if at == 0 {
		return never
	}
	return at
}
