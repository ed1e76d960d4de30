//go:build linux && !portable

// When the event loop has to do something even without an event, and how it waits
// until then.

package worker

import (
	"time"

	"daemon/plug/worker/kernel"
)

const never = kernel.Never // no deadline

// quiet reports that nobody has come to do anything.
func quiet(events []kernel.Event) bool {
	return len(events) == 0 || len(events) == 1 && events[0].Tag.Kind() == onAlarm
}

// setAlarm sees to it that a wait ends in time, and returns its timeout: 0 when
// there is something to do now, else none.
func (e *engine) setAlarm() int {
	until := min(e.coolDue, e.next())
	if len(e.runAgainSoon) != 0 || until <= e.clock.mono {
		return 0
	}
	e.alarm.RingBy(until)
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
