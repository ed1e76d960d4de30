// A session's timers: one table for both engines. A kind of timer is a constant, its row
// in the table, and what happens at its end: in the event loop, that is in expire
// (session.go); in the portable engine, it is the deadline of what the session waits for,
// or in portable_timers.go.

package worker

import (
	"time"

	"daemon/plug/worker/board"
)

// timer is a kind of timer.
type timer uint8

const (
	noTimer         timer = iota // never runs
	connectTimer                 // a connect takes too long
	negotiateTimer               // the proxy's reply takes too long
	closeTimer                   // a side has failed, and its last bytes take too long
	lingerTimer                  // a timer has ended the session, and what it holds takes too long
	idleTimer                    // no byte either way
	halfClosedTimer              // no byte since one side ended its direction
	firstByteTimer               // no first byte
	lifetimeTimer                // of the whole session

	timers      = iota
	firstCoarse = idleTimer // this timer and those after it may be late by a part of their time
)

// timerTable says how long each timer runs, in ms, 0 if it never does, and as which one
// the records name it if it ends the session.
var timerTable = [timers]struct {
	lasts func(a *board.Assignment) uint32
	ends  board.Timer
}{
	noTimer:         {lasts: func(*board.Assignment) uint32 { return 0 }},
	connectTimer:    {lasts: func(a *board.Assignment) uint32 { return a.ConnectTimeout }},
	negotiateTimer:  {lasts: func(a *board.Assignment) uint32 { return either(a.NegotiateTimeout, a.ConnectTimeout) }},
	closeTimer:      {lasts: func(a *board.Assignment) uint32 { return a.CloseTimeout }},
	lingerTimer:     {lasts: func(a *board.Assignment) uint32 { return either(a.Linger, a.CloseTimeout) }},
	idleTimer:       {func(a *board.Assignment) uint32 { return a.IdleTimeout }, board.IdleTimer},
	halfClosedTimer: {func(a *board.Assignment) uint32 { return a.HalfClosedTimeout }, board.HalfClosedTimer},
	firstByteTimer:  {func(a *board.Assignment) uint32 { return a.FirstByteTimeout }, board.FirstByteTimer},
	lifetimeTimer:   {func(a *board.Assignment) uint32 { return a.Lifetime }, board.LifetimeTimer},
}

// either is the first of two times that is set.
func either(ms, otherwise uint32) uint32 {
	if ms != 0 {
		return ms
	}
	return otherwise
}

// lasts is how long a timer runs, in ns.
func (w *worker) lasts(t timer) int64 {
	return int64(timerTable[t].lasts(w.board.Assignment)) * int64(time.Millisecond)
}

// durations are how long all timers run, in ns, and by how many percent a lifetime varies.
type durations struct {
	lasts  [timers]int64
	jitter uint32
}

func (w *worker) durations() (d durations) {
	for t := range d.lasts {
		d.lasts[t] = w.lasts(timer(t))
	}
	d.jitter = w.board.Assignment.LifetimeJitter
	return d
}

// dueAfter is when a session's timer is due that runs since a moment.
func (w *worker) dueAfter(row *board.Row, t timer, since int64) int64 {
	due := since + w.lasts(t)
	if t == lifetimeTimer && w.board.Assignment.LifetimeJitter != 0 {
		due += w.jitter(row)
	}
	return due
}

// jitter is by how much a session's lifetime is longer than --lifetime. It follows from
// the time of the accept, so nothing has to be stored.
func (w *worker) jitter(row *board.Row) int64 {
	h := uint64(row.BeginAt) + uint64(row.Client.Port)<<48 // splitmix64
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	most := w.lasts(lifetimeTimer) / 100 * int64(w.board.Assignment.LifetimeJitter)
	return int64(float64(most) * (float64(h>>11) / (1 << 53)))
}

// backlog is what the kernel held for the receivers of a session when the session was last
// checked. A receiver that takes these bytes is slow, but its session is not idle.
type backlog struct {
	client, target int   // bytes that they have not acknowledged
	at             int64 // when they were counted, in monotonic ns
}

// backlogWatch is the part of a timer for which a backlog must not shrink before its
// session counts as idle.
const backlogWatch = 8

func (b *backlog) empty() bool { return b.client == 0 && b.target == 0 }

// note compares a backlog with what it is now, and reports whether it has shrunk although
// the session has not moved bytes since then. One that has not changed keeps its time.
func (b *backlog) note(now backlog, movedAt int64) (shrunk bool) {
	shrunk = movedAt <= b.at && (now.client < b.client || now.target < b.target)
	if shrunk || movedAt > b.at {
		*b = now
	}
	return shrunk
}

// movedAt is when a session last moved bytes, at the latest, in monotonic ns: the board
// counts whole ms.
func movedAt(row *board.Row) int64 { return int64(row.Moved.Load()+1) * int64(time.Millisecond) }

// awaitsFirst reports whether the byte that the first-byte timer waits for has not come.
func (w *worker) awaitsFirst(row *board.Row) bool {
	switch w.board.Assignment.FirstByteOf {
	case board.OfClient:
		return row.In.Load() == 0
	case board.OfTarget:
		return row.Out.Load() == 0
	}
	return row.In.Load() == 0 && row.Out.Load() == 0
}

// resets reports whether the end of a timer resets both sides at once.
func (w *worker) resets(t timer) bool {
	options := board.OptLingerReset
	if t == lifetimeTimer {
		options |= board.OptLifetimeReset
	}
	return w.board.Assignment.Options&options != 0
}
