// Tests of what ticks do: local time on the board, the number of sessions, and the
// peak of busy workers.

package supervisor

import (
	"testing"
	"time"
	_ "time/tzdata"

	"daemon/plug/worker/report"
)

// Workers know local time for as long as its rule lasts, and then by the next
// rule.
func TestZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	winter := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC) // the end of summer time
	for _, c := range []struct {
		name         string
		now          time.Time
		offset, next int32
		until        time.Time // zero: at least 50 years later
	}{
		{"summer", time.Date(2026, 7, 1, 12, 0, 0, 0, berlin), 7200, 3600, winter},
		{"a second before", winter.Add(-time.Second).In(berlin), 7200, 3600, winter},
		{"winter", winter.In(berlin), 3600, 7200, time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC)},
		{"UTC", time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), 0, 0, time.Time{}},
		{"fixed", time.Date(2026, 7, 1, 12, 0, 0, 0, time.FixedZone("", -12600)), -12600, -12600, time.Time{}},
	} {
		s := newTestMaster(t, nil)
		s.setZone(c.now)
		z := &s.plug.generation.board.State.Zone
		if z.Offset.Load() != c.offset || z.Next.Load() != c.next {
			t.Errorf("%s: offset %d, then %d; want %d, %d", c.name, z.Offset.Load(), z.Next.Load(), c.offset, c.next)
		}
		until := time.Unix(z.Until.Load(), 0)
		if !c.until.IsZero() && !until.Equal(c.until) || c.until.IsZero() && until.Before(c.now.AddDate(50, 0, 0)) {
			t.Errorf("%s: until %v, want %v", c.name, until.UTC(), c.until)
		}
		if !s.ticks.zoneAt.Equal(until) {
			t.Errorf("%s: next check at %v", c.name, s.ticks.zoneAt)
		}
	}
}

// The tick sets the next rule when its time has come.
func TestTickSetsTheZone(t *testing.T) {
	s, _ := serving(t, nil)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	change := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)
	s.setZone(change.Add(-time.Hour).In(berlin))
	z := &s.plug.generation.board.State.Zone
	s.tick(change.Add(-time.Second).In(berlin))
	if z.Offset.Load() != 7200 {
		t.Error("changed too soon")
	}
	s.tick(change.In(berlin))
	if z.Offset.Load() != 3600 {
		t.Error("not changed")
	}
}

// The sessions are counted on the board: no doorbell reports how many there are.
func TestSessions(t *testing.T) {
	s, all := serving(t, nil)
	s.addSession(all[0], "10.0.0.1:1")
	s.plug.generation.board.Column(all[1].slot).Live.Store(41)
	if n := s.plug.sessions(); n != 42 {
		t.Errorf("%d sessions, want 42", n)
	}
	s.showTitle()
	if s.ticks.shown != 42 {
		t.Errorf("%d shown", s.ticks.shown)
	}
	s.ring(all[0], report.Begin)
	s.kill(all[1], 9)
	if n := s.plug.sessions(); n != 1 {
		t.Errorf("%d sessions after a death, want 1", n)
	}
}

// Workers that an upgrade delays do not make the next upgrade begin with more.
func TestPeakOfAnUpgrade(t *testing.T) {
	s, all := serving(t, nil)
	s.ring(all[0], report.Begin)
	s.upgrades.current = &upgrade{}
	s.plug.notePeak(time.Now())
	if s.plug.supply.peak != 0 {
		t.Errorf("peak %d during an upgrade", s.plug.supply.peak)
	}
	s.upgrades.current, s.upgrades.takeover, s.since = nil, &takeover{}, time.Now()
	s.plug.notePeak(s.since.Add(calmAfter - 1))
	if s.plug.supply.peak != 0 {
		t.Errorf("peak %d right after an upgrade", s.plug.supply.peak)
	}
	if n := s.plug.ready(); n != 1+s.plug.count[spare] {
		t.Errorf("a new master starts with %d workers, want one in place of the busy one", n)
	}
	s.plug.notePeak(s.since.Add(calmAfter))
	if s.plug.supply.peak != 1 {
		t.Errorf("peak %d a while later, want 1", s.plug.supply.peak)
	}
}
