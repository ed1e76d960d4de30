// The end of a plug that is PID 1 of a container: sessions cannot outlive it, so TERM
// waits for them.

package supervisor

import (
	"fmt"
	"time"
)

// Where the shepherd is PID 1, its end kills every session (pid_namespaces(7)).
// TERM must then wait for them, and leave time to write the lines of the others:
// docker stop sends KILL 10 s after TERM.
const (
	containerDrain = 8 * time.Second        // TERM: for sessions to end by themselves
	containerEnd   = 300 * time.Millisecond // INT: then KILL, three times at most
)

// term is TERM: sessions live on, unless they can't.
func (m *master) term() {
	if !m.starter.EndsAll() {
		m.terminate()
		return
	}
	m.drainFor(m.containerDrain())
}

// containerDrain is how long TERM waits for sessions as PID 1.
func (m *master) containerDrain() time.Duration {
	if given := m.plug.cfg.DrainTimeout; given > 0 {
		return given
	}
	return containerDrain
}

// stopped is what an admin is told of TERM.
func (m *master) stopped(sessions int) string {
	if m.starter.EndsAll() {
		return fmt.Sprintf("port released; waiting up to %v for %s", m.containerDrain(), howMany(sessions, "session"))
	}
	if sessions == 1 {
		return "stopped; port released; 1 session continues until it ends"
	}
	return fmt.Sprintf("stopped; port released; %d sessions continue until they end", sessions)
}

// endPatience is how long workers get to obey a signal that ends them.
func (m *master) endPatience() time.Duration {
	if m.starter.EndsAll() {
		return containerEnd
	}
	return endWithin
}

// More than the drain's own time, for the service manager: the lines, the logs.
const (
	stopMargin   = 2 * time.Second
	stopExtended = 10 * time.Second // of a drain without end, again and again
)

// tellStopping tells the service manager how much longer the stop may take.
func (m *master) tellStopping(now time.Time) {
	more := stopExtended
	if !m.shutdown.deadline.IsZero() {
		more = max(0, m.shutdown.deadline.Sub(now)) + stopMargin
	}
	m.starter.Tell("stopping", fmt.Sprint(more.Microseconds()))
}
