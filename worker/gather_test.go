//go:build linux && !portable

// Small pieces of several sessions are gathered, and sent in order.

package worker

import (
	"bytes"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// reads checks that a connection reads these bytes next.
func reads(t *testing.T, c *net.TCPConn, what string, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes arrived as others (%v)", what, len(want), err)
	}
}

func TestPlain(t *testing.T) {
	const in, both = unix.EPOLLIN, unix.EPOLLIN | unix.EPOLLOUT
	kept := new(block)
	for _, c := range []struct {
		state state
		from  side
		flags uint32
		want  bool
	}{
		{relaying, side{writable: true}, in, true},
		{relaying, side{writable: true, full: 1}, both, true},
		{connecting, side{writable: true}, both, false},
		{negotiating, side{writable: true}, both, false},
		{halfClosed, side{writable: true}, both, false},
		{relaying, side{}, both, false}, // it can be written to again, and bytes may be waiting
		{relaying, side{writable: true, block: kept}, both, false},
		{relaying, side{writable: true, splicing: true}, both, false},
		{relaying, side{writable: true}, unix.EPOLLOUT, false},
		{relaying, side{writable: true}, both | unix.EPOLLRDHUP, false},
		{relaying, side{writable: true}, both | unix.EPOLLPRI, false}, // a read will stop at the urgent mark
		{relaying, side{writable: true}, both | unix.EPOLLERR | unix.EPOLLHUP, false},
	} {
		s := session{state: c.state, client: c.from}
		if got := s.plain(&s.client, c.flags); got != c.want {
			t.Errorf("state %d, %+v, flags %#x: plain is %v", c.state, c.from, c.flags, got)
		}
	}
}

// Pieces of many sessions that arrive at the same time, in both directions, all reach the
// right receivers, whatever their sizes and wherever the buffer ends.
func TestPiecesOfManySessions(t *testing.T) {
	for _, sizes := range [][]int{{1}, {64}, {20 << 10}, {64, 20 << 10, 1, 40 << 10}, {relayRoom - 1, 7}, {relayRoom, 64, relayRoom + 1}} {
		eachWay(t, func(t *testing.T, e *engine) { piecesOfManySessions(t, e, sizes) })
	}
}

func piecesOfManySessions(t *testing.T, e *engine, sizes []int) {
	type talk struct {
		s              *session
		client, target *net.TCPConn
	}
	var talks []talk
	for range rows {
		s, client, target := pair(t, e)
		talks = append(talks, talk{s, client, target})
	}
	e.quiet()
	var sent [][]byte
	for i, k := range talks {
		up, down := noise(uint64(2*i), sizes[i%len(sizes)]), noise(uint64(2*i+1), sizes[(i+1)%len(sizes)])
		k.client.Write(up)
		k.target.Write(down)
		waiting(t, k.s.client.fd, len(up))
		waiting(t, k.s.target.fd, len(down))
		sent = append(sent, up, down)
	}
	if events := e.once(0); events != 2*rows {
		t.Errorf("%v bytes: %d events", sizes, events)
	}
	if len(e.pieces) != 0 {
		t.Errorf("%v bytes: %d pieces outlast their iteration", sizes, len(e.pieces))
	}
	e.quiet()
	if sizes[0] < relayRoom/2 { // larger ones fill the buffer before there is a batch
		e.sentTogether(t)
	}
	for i, k := range talks {
		reads(t, k.target, "up", sent[2*i])
		reads(t, k.client, "down", sent[2*i+1])
		if in, out := k.s.row.In.Load(), k.s.row.Out.Load(); in != uint64(len(sent[2*i])) || out != uint64(len(sent[2*i+1])) {
			t.Errorf("%v bytes: counted %d in, %d out", sizes, in, out)
		}
	}
}

// A piece that can't be sent ends its session, after what was gathered from the other
// side has been delivered, and ends no other session.
func TestPieceMeetsAReset(t *testing.T) { eachWay(t, pieceMeetsAReset) }

func pieceMeetsAReset(t *testing.T, e *engine) {
	s, client, target := pair(t, e)
	other, from, to := pair(t, e)
	e.quiet()
	client.Write([]byte("up"))
	target.Write([]byte("down"))
	from.Write([]byte("other"))
	to.Write([]byte("back"))
	waiting(t, s.client.fd, 2)
	waiting(t, s.target.fd, 4)
	waiting(t, other.client.fd, 5)
	waiting(t, other.target.fd, 4)
	e.gather(s, &s.client, &s.target)
	e.gather(s, &s.target, &s.client)
	e.gather(other, &other.client, &other.target)
	e.gather(other, &other.target, &other.client)
	if len(e.pieces) != minBatch {
		t.Fatalf("%d pieces", len(e.pieces))
	}
	cut(target)
	until(t, "the reset has come", func() bool {
		info, err := unix.GetsockoptTCPInfo(s.target.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err == nil && info.State == unix.BPF_TCP_CLOSE
	})
	e.deliver()
	e.until(t, "the session ends", func() bool { return s.state == ended })
	if e.outcomes(board.Cut) != 1 || e.live != 1 {
		t.Errorf("%d cut, %d live", e.outcomes(board.Cut), e.live)
	}
	reads(t, to, "the other session", []byte("other"))
	reads(t, from, "and its other way", []byte("back"))
	e.sentTogether(t)
	if got, err := io.ReadAll(client); err == nil || string(got) != "down" {
		t.Errorf("the client of the reset session reads %q, %v, want \"down\" and a reset", got, err)
	}
}

// Pieces for targets are sent before pieces for clients.
func TestPiecesInOrder(t *testing.T) { eachWay(t, piecesInOrder) }

func piecesInOrder(t *testing.T, e *engine) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	var s [4]session
	for i := range s {
		c, b := &s[i].client, &s[i].target
		c.fd, b.fd, s[i].state = ends[0], ends[0], relaying
		if i%2 == 0 {
			c, b = b, c
		}
		e.pieces = append(e.pieces, piece{s: &s[i], from: c, to: b, bytes: []byte{"0123"[i]}})
	}
	e.deliver()
	e.sentTogether(t)
	got := make([]byte, 9)
	if n, err := unix.Read(ends[1], got); err != nil || string(got[:n]) != "1302" {
		t.Errorf("%q %v", got[:n], err)
	}
}

// What an event that looked plain may turn out to be.
func TestNoPieceAfterAll(t *testing.T) {
	e := rig(t)
	s, client, target := pair(t, e)
	e.quiet()
	e.gather(s, &s.client, &s.target) // nothing to read
	if s.state != relaying || s.client.readable || len(e.pieces) != 0 {
		t.Errorf("state %d, readable %v, %d pieces", s.state, s.client.readable, len(e.pieces))
	}
	other, from, to := pair(t, e)
	e.quiet()
	from.Write([]byte("last words"))
	waiting(t, other.client.fd, 10)
	e.gather(other, &other.client, &other.target)
	client.CloseWrite()
	until(t, "the end has come", func() bool {
		n, _, err := unix.Recvfrom(s.client.fd, make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return n == 0 && err == nil
	})
	e.gather(s, &s.client, &s.target) // an end
	if s.state != halfClosed {
		t.Errorf("state %d behind an end", s.state)
	}
	reads(t, to, "gathered before the end", []byte("last words"))
	if n, err := target.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the target reads %d bytes, %v", n, err)
	}
	cut(from)
	until(t, "the reset has come", func() bool {
		info, err := unix.GetsockoptTCPInfo(other.client.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err == nil && info.State == unix.BPF_TCP_CLOSE
	})
	e.gather(other, &other.client, &other.target) // a reset
	if other.state != ended || e.outcomes(board.Cut) != 1 || other.client.errno != unix.ECONNRESET {
		t.Errorf("state %d, %d cut, errno %v behind a reset", other.state, e.outcomes(board.Cut), other.client.errno)
	}
}

// A receiver that takes nothing gets its pieces later, all of them and in order.
func TestPiecesForASlowReader(t *testing.T) {
	e := rig(t)
	ours, theirs := unixPair(t), unixPair(t)
	unix.SetsockoptInt(theirs[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10)
	s := e.carry(t, ours[0], theirs[0])
	e.quiet()
	var sent, got []byte
	for i := range 40 {
		p := noise(uint64(i), 1000)
		if _, err := unix.Write(ours[1], p); err != nil {
			break // the buffer is full
		}
		sent = append(sent, p...)
		e.quiet()
	}
	if !s.client.stuck() {
		t.Error("nothing is kept")
	}
	buffer := make([]byte, 700)
	e.until(t, "everything has come", func() bool {
		n, _ := unix.Read(theirs[1], buffer)
		got = append(got, buffer[:max(0, n)]...)
		return len(got) >= len(sent)
	})
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived as others", len(got))
	}
}
