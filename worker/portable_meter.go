//go:build !linux || portable

// How the portable engine counts the bytes that a session relays in each direction.

package worker

import (
	"sync/atomic"
	"syscall"

	"daemon/plug/worker/board"
)

// meter counts on a session's row what is relayed in one direction.
type meter struct {
	bytes *atomic.Uint64
	row   *board.Row
	clock *clock
	first bool         // record when the first byte was read
	held  atomic.Int64 // read, but not yet written to the other side
}

// add counts n bytes that were just read.
func (m *meter) add(n int) {
	now := m.clock.now()
	m.row.Moved.Store(boardMs(now))
	m.held.Add(int64(n))
	if m.bytes.Add(uint64(n)) == uint64(n) && m.first {
		m.row.First.Store(now)
	}
}

// passed records that n of these bytes were written.
func (m *meter) passed(n int) {
	m.held.Add(-int64(n))
	if n > 0 {
		m.row.Moved.Store(boardMs(m.clock.now()))
	}
}

// takeOff subtracts what has not reached the receiver, as far as this host knows: what is
// held here, and what is in its kernel.
func (m *meter) takeOff(receiver *socket, delivering bool) {
	n := m.held.Swap(0)
	if receiver != nil {
		if lacksUnacknowledged(syscall.Errno(receiver.errno.Load()), delivering) {
			n += int64(receiver.unacknowledged())
		} else {
			n += int64(receiver.unsent())
		}
	}
	m.bytes.Add(-min(m.bytes.Load(), uint64(n)))
}
