//go:build linux && !portable

// A worker without work stays asleep.

package worker

import (
	"testing"

	"daemon/plug/worker/board"
)

// A worker that has nothing to do goes to sleep and stays asleep, with a session or
// without: no alarm wakes it.
func TestSleepsWithoutAlarms(t *testing.T) {
	for _, shape := range []board.Shape{{Workers: 1, Capacity: 1}, {Workers: 1, Capacity: 8}} {
		b := newBoss(t, shape, []string{echo(t)}, nil)
		h := b.hire(0)
		sleepsOn := func() bool {
			before := h.switches()
			b.bell(3 * warm)
			return h.switches() == before
		}
		b.wait("it sleeps on", sleepsOn)
		c := b.dial()
		b.echoes(c, "x")
		b.wait("it sleeps on with a session", sleepsOn)
		b.echoes(c, "x")
		b.wait("it sleeps on after more", sleepsOn)
		hangUp(t, c)
		b.wait("it sleeps on after a session", sleepsOn)
	}
}
