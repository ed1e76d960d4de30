//go:build linux && !portable

// What the event loop does at a certain time even without an event, and how it waits
// until then. A duty is a constant and a case in perform.

package worker

import (
	"time"

	"daemon/plug/worker/kernel"
)

// duty is something that the loop does when it is due.
type duty uint8

const (
	visitDuty  duty = iota // checks sessions that are being delivered
	bellDuty               // rings, and shows the title
	asideDuty              // a session counts as long: leaves the listen queue
	backDuty               // checks for clients that were left to other workers
	lineDuty               // retries unwritten session lines
	acceptDuty             // accepts and connects again after a shortage

	duties = iota
)

// agenda is when each duty is due, in monotonic ns; 0 is never.
type agenda [duties]int64

// next is when the first duty is due.
func (a *agenda) next() int64 {
	first := kernel.Never
	for _, at := range a {
		if at != 0 {
			first = min(first, at)
		}
	}
	return first
}

// overdue ends timers and performs duties that are due.
func (e *engine) overdue() {
	e.expireAll()
	for d := range e.agenda {
		if at := e.agenda[d]; at != 0 && at <= e.clock.mono {
			e.agenda[d] = 0
			e.perform(duty(d))
		}
	}
}

func (e *engine) perform(d duty) {
	switch d {
	case visitDuty:
		e.visitAll()
	case bellDuty:
		e.tellNow()
	case asideDuty:
		e.stepAside()
	case backDuty:
		e.lookBack()
	case lineDuty:
		e.retryUnwritten(false)
		e.join()
	case acceptDuty:
		e.retryParked()
		e.join()
	}
}

// next is when something must be done even without an event, in monotonic ns.
func (e *engine) next() int64 { return min(e.timers.next(), e.agenda.next()) }

// quiet reports whether no event but the alarm has arrived.
func quiet(events []kernel.Event) bool {
	return len(events) == 0 || len(events) == 1 && events[0].Tag.Kind() == onAlarm
}

// setAlarm makes sure that a wait ends in time, and returns its timeout: 0 if there is
// something to do now, otherwise -1, no timeout.
func (e *engine) setAlarm() int {
	until := min(e.coolDue, e.next())
	if len(e.runAgainSoon) != 0 || until <= e.clock.mono {
		return 0
	}
	e.alarm.RingBy(until)
	return -1
}

// patience is how long a sleep may last, in ms; -1 is for ever.
func (e *engine) patience() int {
	until := e.next()
	if until == kernel.Never {
		return -1
	}
	return int((max(0, until-e.clock.mono) + int64(time.Millisecond) - 1) / int64(time.Millisecond))
}
