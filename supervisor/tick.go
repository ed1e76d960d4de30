// The tick: ten times a second, it does what no event triggers in time, like the
// title, the messages to the starter, and local time on the board.

package supervisor

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tickEvery   = 100 * time.Millisecond
	checkEvery  = 10           // ticks between checks of the session file's path
	restAfter   = 50           // ticks for which a spare must have been unused before it is retired
	tellAtATick = 100          // workers told to drain per tick
	sweepEvery  = 10 * 60 * 60 // ticks between sweeps of the affinity table
	calmAfter   = time.Second  // from an upgrade until the number of busy workers depends on the clients again
)

// ticks is the state that the tick keeps from one to the next.
type ticks struct {
	n      int
	shown  int       // sessions in the title
	zoneAt time.Time // when local time changes

	aliveAt time.Time // when the starter was last told that the loop runs
	told    int       // sessions as last told to the starter
	trouble string    // and the reason why no client is served
}

// tellStarter keeps the service manager informed: that this loop runs, as often as
// the manager requires; once a second what has changed; and at once that no client
// is served. A master without sessions of which no plug can serve does not report
// itself alive, so the manager may restart it.
func (m *master) tellStarter(now time.Time) {
	t := &m.ticks
	if m.phase < running {
		return
	}
	trouble, serves := m.trouble()
	if every := m.starter.Alive(); every > 0 && now.Sub(t.aliveAt) >= every && (serves || t.shown > 0) {
		t.aliveAt = now
		m.starter.Tell("alive", "")
	}
	if m.phase == running && (trouble != t.trouble || t.n%checkEvery == 0 && t.shown != t.told) {
		t.told, t.trouble = t.shown, trouble
		m.starter.Tell("status", m.statusLine(trouble))
	}
}

// statusLine describes the plug in one line, for people.
func (m *master) statusLine(trouble string) string {
	line := m.label() + ": " + howMany(m.ticks.shown, "session") + ", " + howMany(len(m.roster), "worker")
	if trouble != "" {
		line += "; no client is served: " + trouble
	}
	return line
}

// notePeak records the highest number of busy workers over the last 5 to 10 s.
// Workers that an upgrade delays are busy for longer; they must not make the next
// upgrade begin with more workers.
func (p *plug) notePeak(now time.Time) {
	s := &p.supply
	if p.m.upgrades.current == nil && (p.m.upgrades.takeover == nil || now.Sub(p.m.since) >= calmAfter) {
		s.high = max(s.high, p.count[busy])
	}
	s.peak = max(s.peak, s.high)
	if p.m.ticks.n%restAfter == 0 {
		s.peak, s.high = s.high, 0
	}
}

// tick does what no event triggers in time.
func (m *master) tick(now time.Time) {
	t := &m.ticks
	t.n++
	if m.phase == opening && now.After(m.shutdown.deadline) {
		m.failStart(fmt.Errorf("no worker became ready within %v", startPatience))
	}
	for _, p := range m.plugs {
		p.tick(now)
	}
	for _, p := range m.others {
		p.sendDrains(tellAtATick)
	}
	m.freeLeft(now)
	m.tryAbsent()
	m.showTitle()
	m.tellStarter(now)
	if m.phase == stopping && t.n%checkEvery == 0 {
		m.tellStopping(now)
	}
	if t.n%checkEvery == 0 {
		m.checkFiles()
	}
	if !now.Before(t.zoneAt) {
		m.setZone(now)
	}
}

// tick does for one plug what no event triggers in time.
func (p *plug) tick(now time.Time) {
	p.notePeak(now)
	p.checkListeners(now)
	p.sendDrains(tellAtATick)
	p.nudgeMore()
	p.rest()
	if p.m.ticks.n%sweepEvery == 0 && p.cfg.Sticky {
		p.generation.board.Sweep(uint64(p.m.mono() / int64(time.Second)))
	}
}

// setZone gives workers the offset of local time, when it ends, and the next one.
func (m *master) setZone(now time.Time) {
	_, offset := now.Zone()
	_, end := now.ZoneBounds()
	if end.IsZero() {
		end = now.AddDate(100, 0, 0)
	}
	_, next := end.Zone()
	for p := range m.all() {
		z := &p.generation.board.State.Zone
		z.Offset.Store(int32(offset))
		z.Next.Store(int32(next))
		z.Until.Store(end.Unix())
	}
	m.ticks.zoneAt = end
}

// mono returns the clock that all processes of this host share, in ns.
func (m *master) mono() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
