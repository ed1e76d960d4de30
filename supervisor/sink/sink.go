// A sink: a queue of records and the goroutine that writes them. A writer that is
// stuck blocks nobody; beyond a bound, records are dropped and counted.

// Package sink is where the master's records go: to stderr, to syslog and to the
// session file, each written by a goroutine of its own.
package sink

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Sink writes from a goroutine of its own, so that a blocked terminal, disk or
// syslog never blocks the loop. Records are written whole and in order.
type Sink struct {
	mu      sync.Mutex
	more    *sync.Cond
	queue   [][]byte
	bound   int // records that may wait; beyond it new ones are dropped. 0 is no bound
	busy    bool
	current []byte // being written
	Dropped atomic.Uint64
	write   func([]byte)
}

// New starts a sink; bound is how many records may wait, 0 is no bound.
func New(bound int, write func([]byte)) *Sink {
	s := &Sink{bound: bound, write: write}
	s.more = sync.NewCond(&s.mu)
	go s.run()
	return s
}

// Put queues a record, or drops and counts it if too many wait.
func (s *Sink) Put(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound > 0 && len(s.queue) >= s.bound {
		s.Dropped.Add(1)
		return
	}
	s.queue = append(s.queue, p)
	s.more.Signal()
}

func (s *Sink) run() {
	s.mu.Lock()
	for {
		for len(s.queue) == 0 {
			s.busy = false
			s.more.Wait()
		}
		s.current, s.busy = s.queue[0], true
		s.queue = s.queue[1:]
		s.mu.Unlock()
		s.write(s.current)
		s.mu.Lock()
		s.current = nil
	}
}

// Waiting are the records that a stuck writer has not got rid of.
func (s *Sink) Waiting() [][]byte {
	s.Flush(20 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return slices.Clone(s.queue)
	}
	return append([][]byte{s.current}, s.queue...)
}

// Queued is how many records are not written yet, that which is being written
// included.
func (s *Sink) Queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.queue)
	if s.current != nil {
		n++
	}
	return n
}

// Flush waits until everything is written, but no longer than patience. It reports
// whether everything is.
func (s *Sink) Flush(patience time.Duration) bool {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		idle := len(s.queue) == 0 && !s.busy
		s.mu.Unlock()
		if idle || time.Now().After(end) {
			return idle
		}
	}
}

// Write makes a sink hclog's output.
func (s *Sink) Write(p []byte) (int, error) {
	s.Put(append([]byte(nil), p...))
	return len(p), nil
}

// Bound is how many log records may wait for a slow reader.
const Bound = 4096
