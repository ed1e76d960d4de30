//go:build !linux || portable

// A session of the portable engine that a signal ends.

package worker

import (
	"io"
	"testing"
	"time"

	"daemon/plug/worker/await"
	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// A signal ends all sessions with the mutex held. What a session's own goroutine meets at
// that moment does not change the stage at which it ended.
func TestStageStaysWhileASignalEndsTheSession(t *testing.T) {
	e := &engine{worker: &worker{board: &board.Board{Assigned: board.Assigned{Assignment: new(board.Assignment)}}}}
	e.clock.start(kernel.Monotonic)
	row := new(board.Row)
	s := e.newSession(0, row)
	client, clientPeer := link(t)
	target, targetPeer := link(t)
	s.client, s.target = client, target
	e.lock()
	e.reach(row, board.Relaying)
	s.finishAs(board.AdminEnded, board.BySignal)
	ended, over := row.Cause.Load(), make(chan board.Outcome, 1)
	go func() { over <- s.relay() }()
	clientPeer.CloseWrite()
	if _, err := io.Copy(io.Discard, targetPeer); err != nil { // so the session knows of the client's end
		t.Fatal(err)
	}
	if await.Happens(60*time.Millisecond, func() bool { return row.Cause.Load() != ended }) {
		cause := board.Cause(row.Cause.Load())
		t.Errorf("the cause became %d at stage %s", cause.Culprit(), cause.Stage())
	}
	e.mu.Unlock()
	until(t, "the session goes on", func() bool { return board.Cause(row.Cause.Load()).Stage() == board.HalfClosed })
	targetPeer.CloseWrite()
	if outcome := <-over; outcome != board.Complete {
		t.Errorf("outcome %s", outcome)
	}
}
