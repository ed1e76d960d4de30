//go:build !linux || portable

package worker

import (
	"sync/atomic"
	"time"

	"daemon/plug/worker/board"
)

// meter notes on a session's row what one direction moves.
type meter struct {
	bytes *atomic.Uint64
	row   *board.Row
	clock *clock
	first bool // the first byte is noted
}

func (s *session) in() *meter { return &meter{&s.row.In, s.row, &s.clock, false} }

func (s *session) out() *meter { return &meter{&s.row.Out, s.row, &s.clock, true} }

// add notes n bytes that were just read.
func (m *meter) add(n int) {
	now := m.clock.base + int64(time.Since(m.clock.from)) // the look of others is theirs
	m.row.Moved.Store(boardMs(now))
	if m.bytes.Add(uint64(n)) == uint64(n) && m.first {
		m.row.First.Store(now)
	}
}
