//go:build linux && !portable

// Sessions that wait for a descriptor.

package worker

import (
	"io"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
)

// A session that waits for a descriptor after a target has refused stays parked when its
// client sends something, and then gets its next target.
func TestParkedSessionWaits(t *testing.T) {
	l, e := listenHere(t), rig(t)
	e.toTarget(refusing(t))
	e.board.Target(1).Addr = convert.From(netip.MustParseAddrPort(l.Addr().String()))
	e.board.Assignment.TargetCount = 2
	client, fd := tcp(t)
	e.admit(fd, somebody)
	withoutDescriptors(t, func() {
		e.until(t, "the session is parked", func() bool { return len(e.fdWaiters) == 1 })
		io.WriteString(client, "hello")
		waiting(t, fd, 5)
		e.once(2)
	})
	if s := e.table[0]; s.state != connecting || len(e.fdWaiters) != 1 || s.slot != -1 {
		t.Fatalf("state %d, %d sessions wait, slot %d", s.state, len(e.fdWaiters), s.slot)
	}
	e.until(t, "it relays", func() bool { return e.table[0].state == relaying })
	target, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	e.quiet()
	got := make([]byte, 5)
	if _, err := io.ReadFull(target, got); err != nil || string(got) != "hello" {
		t.Errorf("the target reads %q, %v", got, err)
	}
	if n := e.board.TargetState(1).Failures.Load(); n != 0 {
		t.Errorf("%d attempts at the second target failed", n)
	}
}

// withoutDescriptors calls do while this process can't open descriptors.
func withoutDescriptors(t *testing.T, do func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 0, Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
	do()
}
