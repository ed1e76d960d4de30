package worker

import (
	"slices"
	"testing"
	"time"
)

// playBell has a bell follow a worker's sessions; each is its length, behind a
// pause of 50 µs. It returns what the master was told, with the moments.
func playBell(b *bell, now int64, plenty bool, sessions ...time.Duration) (said []string, end int64) {
	wait := func(until int64) {
		for b.due != 0 && b.due <= until {
			now = max(now, b.due)
			if busy := b.rung(now); busy != b.told {
				b.told = busy
				word := " spare"
				if busy {
					word = " busy"
				}
				said = append(said, time.Duration(now).String()+word)
			}
		}
		now = until
	}
	for _, d := range sessions {
		wait(now + int64(50*time.Microsecond))
		b.changed(now, true, plenty)
		wait(now + int64(d))
		b.changed(now, false, plenty)
	}
	return said, now
}

func TestBell(t *testing.T) {
	const µs, ms = time.Microsecond, time.Millisecond
	many := func(n int, d time.Duration) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }
	for _, c := range []struct {
		name     string
		plenty   bool
		sessions []time.Duration
		pause    time.Duration // behind them
		want     []string
	}{
		{"a short one", true, many(1, ms), time.Second, nil},
		{"many short ones", true, many(1000, ms), time.Second, nil},
		{"a long one", true, many(1, 9*ms), time.Second, []string{"5.05ms busy", "14.05ms spare"}},
		{"long ones without a pause", true, many(10, 9*ms), time.Second, []string{"5.05ms busy", "95.5ms spare"}},
		{"a long one, then short ones", true, append(many(1, 9*ms), many(100, ms)...), 0, []string{"5.05ms busy", "29.05ms spare"}},
		{"a short one while spares are few", false, many(1, ms), time.Second, []string{"50µs busy", "6.05ms spare"}},
		{"some longer than the others", true, append(many(1, 9*ms), slices.Repeat([]time.Duration{ms, ms, 6 * ms}, 20)...), 0,
			[]string{"5.05ms busy"}},
	} {
		var b bell
		said, now := playBell(&b, 0, c.plenty, c.sessions...)
		for b.due != 0 && b.due <= now+int64(c.pause) {
			now = b.due
			if busy := b.rung(now); busy != b.told {
				b.told = busy
				said = append(said, time.Duration(now).String()+" spare")
			}
		}
		if !slices.Equal(said, c.want) {
			t.Errorf("%s: %q, want %q", c.name, said, c.want)
		}
	}
}

// Whatever its sessions are: the master learns in time of a long one, and that
// there is none any more.
func TestBellTellsTheTruth(t *testing.T) {
	long := int64(quick + time.Millisecond)
	for seed := range uint64(200) {
		var b bell
		now, plenty := int64(0), true
		for i := range 300 {
			r := (seed+1)*2654435761 + uint64(i)*40503
			r ^= r >> 13
			plenty = r%7 != 0
			d := time.Duration(r>>8%12000) * time.Microsecond
			said, end := playBell(&b, now, plenty, d)
			if now = end; int64(d) >= long && !b.told {
				t.Fatalf("seed %d: a session of %v ended, and nobody knew: %q", seed, d, said)
			}
			if b.told && now-b.long > int64(doubt+2*quick) && int64(d) < int64(quick) && b.due == 0 {
				t.Fatalf("seed %d: busy for ever", seed)
			}
		}
		for b.due != 0 {
			b.told = b.rung(b.due)
		}
		if b.told {
			t.Fatalf("seed %d: busy without a session", seed)
		}
	}
}
