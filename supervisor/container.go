// The end of a plug that is PID 1 of a container: sessions cannot outlive it, so TERM
// waits for them.

package supervisor

import (
	"fmt"
	"time"
)

// If the shepherd is PID 1, its end kills every session (pid_namespaces(7)). TERM
// must therefore wait for them, and leave time to write the lines of those that
// remain: docker stop sends KILL 10 s after TERM.
const (
	containerDrain = 8 * time.Second        // TERM: time for sessions to end
	containerEnd   = 300 * time.Millisecond // INT: time before KILL, which is sent three times at most
)

// term handles TERM: sessions continue, unless they cannot outlive the plug.
func (m *master) term() {
	if !m.starter.EndsAll() {
		m.terminate()
		return
	}
	m.drainFor(m.containerDrain())
}

// containerDrain returns how long TERM waits for sessions as PID 1.
func (m *master) containerDrain() time.Duration {
	if given := m.drainTimeout(); given > 0 {
		return given
	}
	return containerDrain
}

// stopped returns the message that an admin gets after TERM.
func (m *master) stopped(sessions int) string {
	if m.starter.EndsAll() {
		return fmt.Sprintf("port released; waiting up to %v for %s", m.containerDrain(), howMany(sessions, "session"))
	}
	if sessions == 1 {
		return "stopped; port released; 1 session continues until it ends"
	}
	return fmt.Sprintf("stopped; port released; %d sessions continue until they end", sessions)
}

// endPatience returns how long workers have to obey a signal that ends them.
func (m *master) endPatience() time.Duration {
	if m.starter.EndsAll() {
		return containerEnd
	}
	return endWithin
}

// Time in addition to the drain's, for the service manager: for session lines and
// logs.
const (
	stopMargin   = 2 * time.Second
	stopExtended = 10 * time.Second // for a drain without limit, requested repeatedly
)

// tellStopping tells the service manager how much longer the stop may take.
func (m *master) tellStopping(now time.Time) {
	more := stopExtended
	if !m.shutdown.deadline.IsZero() {
		more = max(0, m.shutdown.deadline.Sub(now)) + stopMargin
	}
	m.starter.Tell("stopping", fmt.Sprint(more.Microseconds()))
}
