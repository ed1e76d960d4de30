//go:build linux && !portable

// Who is recorded as having ended a session, with real sockets.

package worker

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// becomes waits until the kernel reports these events for a socket (poll(2)).
func becomes(t *testing.T, fd int, event int16) {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: event}}
	if n, err := unix.Poll(p, int(patience.Milliseconds())); n != 1 || p[0].Revents&event == 0 {
		t.Fatalf("events %#x, want %#x: %v", p[0].Revents, event, err)
	}
}

// However the engine notices a reset first (by a read, by a write, by a write of what was
// kept, or with a pipe in between), it is attributed to the side that has reset.
func TestWhoResets(t *testing.T) {
	kept := func(e *engine, _ *session, from *side) {
		e.relay.keep(from, []byte("kept"))
	}
	piped := func(held int) func(*engine, *session, *side) {
		return func(e *engine, _ *session, from *side) {
			p, errno := e.relay.takePipe()
			if errno != 0 {
				t.Fatal(errno)
			}
			from.pipe, from.splicing = p, true
			if p.held = held; held > 0 {
				unix.Write(p.w, make([]byte, held))
			}
		}
	}
	for _, c := range []struct {
		name  string
		fails string // "sender", "receiver": who resets
		set   func(*engine, *session, *side)
	}{
		{"read", "sender", func(*engine, *session, *side) {}},
		{"write", "receiver", func(*engine, *session, *side) {}},
		{"write of what was kept", "receiver", kept},
		{"splice from it", "sender", piped(0)},
		{"splice to it", "receiver", piped(4)},
	} {
		for _, side := range []string{"client", "target"} {
			e := rig(t)
			s, client, target := pair(t, e)
			from, to, sender, receiver := &s.client, &s.target, client, target
			who := map[string]board.Culprit{"sender": board.ByClient, "receiver": board.ByTarget}[c.fails]
			if side == "target" {
				from, to, sender, receiver = to, from, target, client
				who = board.ByClient + board.ByTarget - who
			}
			c.set(e, s, from)
			broken, fails := from, sender
			if c.fails == "receiver" {
				broken, fails = to, receiver
				sender.Write([]byte("data"))
				becomes(t, from.fd, unix.POLLIN)
			}
			resetNow(t, fails, broken.fd)
			from.readable, to.writable = true, true
			e.stepRelay(s) // without an event that would have reported it
			if n := e.board.Tally(0).Ends.By(who); s.state != ended || n != 1 {
				t.Errorf("%s, from the %s: state %d, causes %v; want %s", c.name, side, s.state, &e.board.Tally(0).Ends, who)
			}
		}
	}
}

// resetNow closes with a reset, and returns when the reset has arrived.
func resetNow(t *testing.T, c *net.TCPConn, other int) {
	t.Helper()
	cut(c)
	becomes(t, other, unix.POLLERR)
}
