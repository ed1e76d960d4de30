// The tick: ten times a second, what nothing else would bring about in time, like
// the title, the messages to the starter, and local time on the board.

package supervisor

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tickEvery   = 100 * time.Millisecond
	checkEvery  = 10           // ticks between looks at the session file's path
	restAfter   = 50           // ticks over which a spare must have been unused to be let go
	tellAtATick = 100          // workers that learn that they are draining
	sweepEvery  = 10 * 60 * 60 // ticks between sweeps of the affinity table
	calmAfter   = time.Second  // from an upgrade until the number of busy workers is the clients' doing
)

// ticks is what the tick remembers from one to the next.
type ticks struct {
	n      int
	shown  int // sessions in the title
	unused int // the fewest free spares since the window began
	window int // tick at which it began
	zoneAt time.Time

	aliveAt time.Time // when the starter was told that the loop runs
	told    int       // sessions that it was told of
	trouble string    // and why no client is served

	peak int // the most busy workers of the last while, for a successor
	high int // of the while that is not over yet
}

// tellStarter keeps the service manager informed: that this loop runs, as often
// as it wants to know, once a second what has changed, and at once that no client
// is served. A plug without sessions that can't serve is not alive to the manager,
// which may start it again.
func (m *master) tellStarter(now time.Time) {
	t := &m.ticks
	if m.phase < running {
		return
	}
	trouble := m.trouble()
	if every := m.starter.Alive(); every > 0 && now.Sub(t.aliveAt) >= every && (trouble == "" || t.shown > 0) {
		t.aliveAt = now
		m.starter.Tell("alive", "")
	}
	if m.phase == running && (trouble != t.trouble || t.n%checkEvery == 0 && t.shown != t.told) {
		t.told, t.trouble = t.shown, trouble
		m.starter.Tell("status", m.statusLine(trouble))
	}
}

// statusLine is the plug in one line, for people.
func (m *master) statusLine(trouble string) string {
	line := m.plug.cfg.Source.Label() + ": " + howMany(m.ticks.shown, "session") + ", " + howMany(len(m.roster), "worker")
	if trouble != "" {
		line += "; no client is served: " + trouble
	}
	return line
}

// notePeak remembers how many workers were busy at the most, over the last 5 to
// 10 s. What an upgrade holds up is busy for longer, and is no reason for the next
// one to begin with more.
func (m *master) notePeak(now time.Time) {
	t := &m.ticks
	if m.upgrades.current == nil && (m.upgrades.takeover == nil || now.Sub(m.since) >= calmAfter) {
		t.high = max(t.high, m.plug.count[busy])
	}
	t.peak = max(t.peak, t.high)
	if t.n%restAfter == 0 {
		t.peak, t.high = t.high, 0
	}
}

// tick does what nothing else would bring about in time.
func (m *master) tick(now time.Time) {
	t := &m.ticks
	t.n++
	m.notePeak(now)
	if m.phase == opening && now.After(m.shutdown.deadline) {
		m.failStart(fmt.Errorf("no worker became ready within %v", startPatience))
	}
	m.checkListeners(now)
	m.showTitle()
	m.tellStarter(now)
	if m.phase == stopping && t.n%checkEvery == 0 {
		m.tellStopping(now)
	}
	m.sendDrains(tellAtATick)
	m.nudgeMore()
	m.rest()
	if t.n%checkEvery == 0 {
		m.checkFiles()
	}
	if !now.Before(t.zoneAt) {
		m.setZone(now)
	}
	if t.n%sweepEvery == 0 && m.plug.cfg.Sticky {
		m.plug.generation.board.Sweep(uint64(m.mono() / int64(time.Second)))
	}
}

// setZone tells workers local time for as long as the zone's rule lasts.
func (m *master) setZone(now time.Time) {
	_, offset := now.Zone()
	_, end := now.ZoneBounds()
	z := &m.plug.generation.board.State.Zone
	z.Offset.Store(int32(offset))
	if end.IsZero() {
		end = now.AddDate(100, 0, 0)
	}
	_, next := end.Zone()
	z.Next.Store(int32(next))
	z.Until.Store(end.Unix())
	m.ticks.zoneAt = end
}

// mono is the clock that all processes of this host share, in ns.
func (m *master) mono() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
