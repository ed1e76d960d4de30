//go:build !race

// A test of Snapshot under contention: it never mixes two sessions of a row.

package board

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
)

// A row's client and times are plain fields. Their writer stores the row's
// word only after them, and a reader that then finds another epoch discards
// its copy. The race detector cannot know that a torn copy is never used, so
// this test is only for builds without it.
func TestSnapshotNeverMixesTurns(t *testing.T) {
	const readers, wanted = 2, 100_000
	var r Row
	var writing, reading sync.WaitGroup
	var stop atomic.Bool
	writing.Go(func() {
		for turn := uint64(0); !stop.Load(); turn++ {
			r.In.Store(turn)
			r.Out.Store(turn)
			fill(&r.Client, turn)
			r.Begin, r.BeginAt = int64(turn), int64(turn)
			r.Connect.Store(int64(turn))
			r.Cause.Store(uint32(turn) | 1)
			r.Moved.Store(turn)
			r.First.Store(int64(turn))
			r.Hold()
			r.Choose(uint16(turn % TargetSlots))
			r.Closed.Store(int64(turn))
			r.End()
			r.Free()
		}
	})
	for range readers {
		reading.Go(func() {
			var s Snapshot
			for taken := 0; taken < wanted && !t.Failed(); {
				if r.Snapshot(&s) {
					taken++
					check(t, &s)
				}
			}
		})
	}
	reading.Wait()
	stop.Store(true)
	writing.Wait()
}

func fill(a *Addr, turn uint64) {
	binary.LittleEndian.PutUint64(a.IP[:8], turn)
	binary.LittleEndian.PutUint64(a.IP[8:], turn)
	a.Zone, a.Port = uint32(turn), uint16(turn)
}

func check(t *testing.T, s *Snapshot) {
	turn := s.Word.Epoch()
	var client Addr
	fill(&client, turn)
	if s.In != turn || s.Out != turn || s.Client != client || s.Begin != int64(turn) || s.BeginAt != int64(turn) || s.Connect != int64(turn) ||
		s.Cause != Cause(turn|1) || s.Moved != turn || s.First != int64(turn) {
		t.Errorf("a snapshot of turn %d has another's parts: %+v", turn, s)
	}
	if target := s.Word.Target(); target != NoTarget && target != uint16(turn%TargetSlots) {
		t.Errorf("a snapshot of turn %d has target %d", turn, target)
	}
}
