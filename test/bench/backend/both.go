//go:build linux

// Streams in both directions at once, as seen by the target.

package backend

import (
	"bytes"

	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/sock"
	"daemon/plug/test/bench/wire"
)

// inflow is the client's own stream.
type inflow struct {
	pos  int64
	left int64 // of the current Block
}

// both handles the events of a stream in both directions. If the client's
// stream is wrong, the connection is reset, so that the client cannot take the
// end for a normal one.
func (s *server) both(c *conn, events uint32) bool {
	if events&^sock.Out != 0 && !c.stop {
		n, e := sock.Read(c.fd, s.buf)
		if e != unix.EAGAIN && (e != 0 || n == 0 || !s.take(c, s.buf[:n])) {
			unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			return false
		}
	}
	return s.send(c, false)
}

// take checks what the client has sent.
func (s *server) take(c *conn, b []byte) bool {
	for len(b) > 0 {
		if c.stop {
			return false
		}
		if c.in.left == 0 {
			switch b[0] {
			case wire.More:
				c.in.left = wire.Block
			case wire.Last:
				c.stop = true
				s.poll.Change(c.fd, sock.Out, c.fd)
			default:
				return false
			}
			b = b[1:]
			continue
		}
		n := min(int64(len(b)), c.in.left, wire.Chunk)
		if !bytes.Equal(b[:n], wire.Pattern(wire.Reverse(c.stream), c.in.pos)[:n]) {
			return false
		}
		c.in.pos += n
		c.in.left -= n
		b = b[n:]
	}
	return true
}
