//go:build linux

// The client's own stream, in a load with streams in both directions.

package load

import (
	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/sock"
	"daemon/plug/test/bench/wire"
)

// sending is the progress of a client's own stream.
type sending struct {
	sent   int64
	marked bool // the mark of the current Block has been sent
	ended  bool // the last mark has been sent
}

// send sends a mark, a part of a Block, or both, as much as possible.
func (b *bulk) send(r *run, c *client) (reason string) {
	s := &b.out[c.tag]
	if s.ended {
		return ""
	}
	if !s.marked {
		mark := byte(wire.More)
		if b.stopped && s.sent > 0 {
			mark = wire.Last
		}
		switch _, e := sock.Write(c.fd, []byte{mark}); {
		case e == unix.EAGAIN:
			return ""
		case e != 0:
			return "write: " + e.Error()
		case mark == wire.Last:
			s.ended = true
			r.poll.Change(c.fd, sock.In, c.tag)
			return ""
		}
		s.marked = true
	}
	left := wire.Block - s.sent%wire.Block
	n, e := sock.Write(c.fd, wire.Pattern(wire.Reverse(byte(c.tag)), s.sent)[:min(left, wire.Chunk)])
	if e != 0 && e != unix.EAGAIN {
		return "write: " + e.Error()
	}
	s.sent += int64(n)
	s.marked = s.sent%wire.Block != 0 || n == 0
	return ""
}
