//go:build !linux || portable

// How the portable engine counts what a session's directions move.

package worker

import (
	"sync/atomic"

	"daemon/plug/worker/board"
)

// meter notes on a session's row what one direction moves.
type meter struct {
	bytes *atomic.Uint64
	row   *board.Row
	clock *clock
	first bool         // the first byte is noted
	held  atomic.Int64 // read, and not written to the other side yet
}

// add notes n bytes that were just read.
func (m *meter) add(n int) {
	now := m.clock.now()
	m.row.Moved.Store(boardMs(now))
	m.held.Add(int64(n))
	if m.bytes.Add(uint64(n)) == uint64(n) && m.first {
		m.row.First.Store(now)
	}
}

// passed notes that n of them were written.
func (m *meter) passed(n int) { m.held.Add(-int64(n)) }

// takeOff takes off the account what has not reached the receiver: what is held here,
// and what its kernel has not acknowledged.
func (m *meter) takeOff(receiver *socket) {
	n := m.held.Swap(0)
	if receiver != nil {
		n += int64(receiver.unacknowledged())
	}
	m.bytes.Add(-min(m.bytes.Load(), uint64(n)))
}
