// A sink: a queue of records and the goroutine that writes them. A writer that is
// stuck blocks no caller; records beyond a limit are dropped and counted.

// Package sink writes the master's records to stderr, to syslog and to the session
// file, each from a goroutine of its own.
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
	bound   int // records that may wait; newer ones are dropped. 0 is no limit
	busy    bool
	current []byte // being written now
	Dropped atomic.Uint64
	write   func([]byte)
}

// New starts a sink. At most bound records may wait; 0 is no limit.
func New(bound int, write func([]byte)) *Sink {
	s := &Sink{bound: bound, write: write}
	s.more = sync.NewCond(&s.mu)
	go s.run()
	return s
}

// Put queues a record. If too many are waiting, it drops and counts the record.
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

// Waiting returns the records that a stuck writer has not written.
func (s *Sink) Waiting() [][]byte {
	s.Flush(20 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return slices.Clone(s.queue)
	}
	return append([][]byte{s.current}, s.queue...)
}

// Queued returns how many records are not written yet, including the one that is
// being written.
func (s *Sink) Queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.queue)
	if s.current != nil {
		n++
	}
	return n
}

// Flush waits until everything is written, for at most patience. It reports
// whether everything is written.
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

// Write makes a sink usable as hclog's output.
func (s *Sink) Write(p []byte) (int, error) {
	s.Put(append([]byte(nil), p...))
	return len(p), nil
}

// Bound is how many log records may wait for a slow reader.
const Bound = 4096
