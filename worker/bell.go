// When a worker of one session at a time rings for the master: pure, with the time as an
// argument. Both engines use it.

package worker

import "time"

// bell knows when a worker of one session at a time must ring for the master. While there
// are many spares, a session shorter than quick rings no bell: spares carry those. A
// worker that was busy with a longer session, and now carries short ones without a pause,
// counts as a spare again after a while.
type bell struct {
	told  bool  // the master believes that this worker is busy
	busy  bool  // it has a session
	begun int64 // when the current or the last session began; monotonic ns
	long  int64 // when it was last known to have a long session
	due   int64 // latest time to ring, or to show a pool's title; 0 is never
}

const (
	quick = 5 * time.Millisecond  // how long a doorbell may be delayed
	doubt = 20 * time.Millisecond // after this long without a long session, a worker is not busy any more
)

// changed records the begin or the end of a session, and sets when to ring.
func (b *bell) changed(now int64, busy, mayBatch bool) {
	if busy == b.busy {
		return
	}
	b.busy = busy
	switch {
	case busy && b.told:
		b.begun, b.due = now, b.long+int64(doubt)
		return
	case busy:
		if b.begun = now; !mayBatch {
			b.due = now
			return
		}
	case !b.told:
		b.due = 0
		return
	case now-b.begun >= int64(quick):
		b.long = now
	}
	b.due = now + int64(quick)
}

// rung is what to tell the master now: that this worker is busy, or that it is not.
func (b *bell) rung(now int64) (busy bool) {
	b.due = 0
	if b.busy && b.told && now-b.begun < int64(quick) {
		b.due = b.begun + int64(quick)
		return false
	}
	if b.busy {
		b.long = now
	}
	return b.busy
}
