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
func TestSnapshotNeverMixesEpochs(t *testing.T) {
	const readers, wanted = 2, 100_000
	var r Row
	var writing, reading sync.WaitGroup
	var stop atomic.Bool
	writing.Go(func() {
		for epoch := uint64(0); !stop.Load(); epoch++ {
			r.In.Store(epoch)
			r.Out.Store(epoch)
			fill(&r.Client, epoch)
			r.Begin, r.BeginAt = int64(epoch), int64(epoch)
			r.Connect.Store(int64(epoch))
			r.Cause.Store(uint32(epoch) | 1)
			r.Moved.Store(epoch)
			r.First.Store(int64(epoch))
			r.Hold()
			r.Choose(uint16(epoch % TargetSlots))
			r.Closed.Store(int64(epoch))
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

func fill(a *Addr, epoch uint64) {
	binary.LittleEndian.PutUint64(a.IP[:8], epoch)
	binary.LittleEndian.PutUint64(a.IP[8:], epoch)
	a.Zone, a.Port = uint32(epoch), uint16(epoch)
}

func check(t *testing.T, s *Snapshot) {
	epoch := s.Word.Epoch()
	var client Addr
	fill(&client, epoch)
	if s.In != epoch || s.Out != epoch || s.Client != client || s.Begin != int64(epoch) || s.BeginAt != int64(epoch) || s.Connect != int64(epoch) ||
		s.Cause != Cause(epoch|1) || s.Moved != epoch || s.First != int64(epoch) {
		t.Errorf("a snapshot of epoch %d has another's parts: %+v", epoch, s)
	}
	if target := s.Word.Target(); target != NoTarget && target != uint16(epoch%TargetSlots) {
		t.Errorf("a snapshot of epoch %d has target %d", epoch, target)
	}
}
