//go:build linux

// A worker finishes what it delivers before it ends.

package worker

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// A worker finishes delivering: also a worker that drains, one without a master, and one
// of a single session, whose exit status is the outcome.
func TestDeliveringIsFinished(t *testing.T) {
	sent := bytes.Repeat([]byte("0123456789abcdef"), 3_000_000/16)
	for _, c := range []struct {
		name   string
		uses   uint32
		then   func(h *hand)
		status int
	}{
		{"drains", 0, func(h *hand) { h.orders(report.Drain) }, 0},
		{"without a master", 0, func(h *hand) { unix.Close(h.lifeline); h.lifeline = -1 }, 0},
		{"of one session", 1, func(*hand) {}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBoss(t, board.Shape{Workers: 1, Capacity: 1}, []string{target(t, cutting(t, sent))}, func(a *board.Board) { a.Assignment.Uses = c.uses })
			h := b.hire(0)
			client := b.dial()
			b.reaches(board.Delivering)
			c.then(h)
			got, err := io.ReadAll(client)
			if !bytes.Equal(got, sent) || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%d of %d bytes arrived, and then %v", len(got), len(sent), err)
			}
			if status := h.exits(); !status.Exited() || status.ExitStatus() != c.status {
				t.Errorf("exit status %#x, want %d", status, c.status)
			}
			if lines := b.lines(1); len(lines) != 1 || !strings.Contains(lines[0], " 0 3000000 ") {
				t.Errorf("lines %q", lines)
			}
		})
	}
}
