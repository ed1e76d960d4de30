//go:build linux

// A target that does not answer.

package worker

import (
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// silent is a target whose queue is full: the kernel drops new connections.
func silent(t *testing.T) string {
	t.Helper()
	fd, at := bind(t)
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 4 { // more than fit
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		unix.Connect(c, at)
	}
	return inWords(at)
}

// A target that does not answer in time is given up, and the client gets the next one.
func TestSilentTargetIsLeft(t *testing.T) {
	b := newBoss(t, one1, []string{silent(t), echo(t)}, func(a *board.Board) { a.Assignment.ConnectTimeout = 100 })
	b.hire(0)
	c := b.dial()
	b.echoes(c, "from the second")
	if n := b.board.Column(0).Redispatches.Load(); n != 1 || b.board.TargetState(0).Failed.Load() == 0 {
		t.Errorf("%d redispatches, the first target failed at %d", n, b.board.TargetState(0).Failed.Load())
	}
}
