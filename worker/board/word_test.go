// Tests of a row's owner word, its states and its snapshots.

package board

import (
	"testing"
	"testing/quick"
)

func TestWordHoldsItsParts(t *testing.T) {
	same := func(state uint8, target uint16, epoch uint64) bool {
		w := MakeWord(RowState(state), target, epoch)
		return w.State() == RowState(state) && w.Target() == target && w.Epoch() == epoch&(1<<40-1)
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
	for _, epoch := range []uint64{0, 1, 1<<40 - 1, 1 << 40, 1<<64 - 1} {
		for _, target := range []uint16{0, 1, TargetSlots - 1, NoTarget} {
			for state := RowFree; state <= RowEnding; state++ {
				if !same(uint8(state), target, epoch) {
					t.Errorf("state %d, target %d, epoch %d come back as %#x", state, target, epoch, MakeWord(state, target, epoch))
				}
			}
		}
	}
	if NoTarget < TargetSlots {
		t.Error("NoTarget is a slot")
	}
}

func TestRowsLife(t *testing.T) {
	var r Row
	for epoch := range uint64(3) {
		steps := []struct {
			name   string
			do     func()
			state  RowState
			target uint16
			epoch  uint64
		}{
			{"hold", r.Hold, RowLive, NoTarget, epoch},
			{"choose", func() { r.Choose(7) }, RowLive, 7, epoch},
			{"choose again", func() { r.Choose(4095) }, RowLive, 4095, epoch},
			{"end", r.End, RowEnding, 4095, epoch},
			{"free", r.Free, RowFree, NoTarget, epoch + 1},
		}
		for _, s := range steps {
			s.do()
			if w := r.Word(); w.State() != s.state || w.Target() != s.target || w.Epoch() != s.epoch {
				t.Fatalf("epoch %d, after %s: state %d, target %d, epoch %d", epoch, s.name, w.State(), w.Target(), w.Epoch())
			}
		}
	}
}

// The epoch is counted modulo 2^40: an overflow must not make a free row live.
func TestLastEpoch(t *testing.T) {
	var r Row
	r.word.Store(uint64(MakeWord(RowEnding, 3, 1<<40-1)))
	r.Free()
	if w := r.Word(); w.State() != RowFree || w.Epoch() != 0 {
		t.Errorf("after the last epoch: %#x", w)
	}
}

func TestSnapshotOfARow(t *testing.T) {
	var r Row
	var s Snapshot
	if r.Snapshot(&s) {
		t.Error("a free row has a snapshot")
	}
	r.In.Store(10)
	r.Out.Store(20)
	r.Client = addr("192.0.2.1:99")
	r.Begin, r.BeginAt = 30, 40
	r.Outcome.Store(uint32(Cut))
	r.Errno.Store(104)
	r.Connect.Store(50)
	r.Closed.Store(60)
	r.Cause.Store(uint32(MakeCause(ByClient, Relaying, 0)))
	r.Moved.Store(70)
	r.First.Store(80)
	r.Hold()
	r.Choose(5)
	want := Snapshot{Word: MakeWord(RowLive, 5, 0), In: 10, Out: 20, Client: addr("192.0.2.1:99"), Begin: 30, BeginAt: 40,
		Outcome: uint32(Cut), Errno: 104, Connect: 50, Closed: 60,
		Cause: MakeCause(ByClient, Relaying, 0), Moved: 70, First: 80}
	if !r.Snapshot(&s) || s != want {
		t.Errorf("snapshot %+v, want %+v", s, want)
	}
	r.End()
	if !r.Snapshot(&s) || s.Word.State() != RowEnding {
		t.Errorf("an ending row: %+v", s)
	}
	r.Free()
	if r.Snapshot(&s) {
		t.Error("a freed row has a snapshot")
	}
}

func TestOutcomes(t *testing.T) {
	words := map[string]Outcome{}
	for o, status := range map[Outcome]int{Complete: 0, Unreached: 2, Cut: 3, Denied: 4, Killed: 4, AdminEnded: 4, Outcomes: 4} {
		if o.Status() != status {
			t.Errorf("%s: status %d, want %d", o, o.Status(), status)
		}
		if other, taken := words[o.String()]; taken {
			t.Errorf("outcomes %d and %d have one word, %q", o, other, o)
		}
		words[o.String()] = o
	}
	if AdminEnded >= Outcomes {
		t.Error("more outcomes than a column counts")
	}
}
