//go:build linux

// Package backend is the target behind every proxy: it echoes, or it sends and
// receives streams of bytes, according to package wire. It has one thread and
// one event loop.
package backend

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/sock"
	"daemon/plug/test/bench/wire"
)

// conn is one connection.
type conn struct {
	fd      int
	begun   bool // the first byte has chosen the kind
	source  bool
	stream  byte
	in      *inflow // the stream that a source receives at the same time
	stop    bool    // the source ends at the next Block
	sent    int64   // by the source
	pending []byte  // echo that the client has not received yet
}

type server struct {
	poll  *sock.Epoll
	conns []*conn // by descriptor
	buf   []byte
}

// Serve listens on a free port, prints its address on out as one line, and
// serves until stdin ends.
func Serve(out io.Writer) error {
	listener, addr, err := sock.Listen()
	if err != nil {
		return fmt.Errorf("backend: listen: %w", err)
	}
	poll, err := sock.NewEpoll()
	if err != nil {
		return fmt.Errorf("backend: epoll: %w", err)
	}
	s := &server{poll: poll, buf: make([]byte, 64<<10)}
	poll.Add(listener, sock.In, listener)
	if e := poll.Add(int(os.Stdin.Fd()), sock.In, 0); e != 0 {
		return fmt.Errorf("backend: stdin must be a pipe: %w", e)
	}
	fmt.Fprintln(out, addr)
	for {
		for _, ev := range poll.Wait(1000) {
			switch fd := int(ev.Fd); {
			case fd == listener:
				s.accept(listener)
			case fd == 0:
				return nil
			case s.conns[fd] != nil:
				s.serve(s.conns[fd], ev.Events)
			}
		}
	}
}

func (s *server) accept(listener int) {
	for {
		fd, e := sock.Accept(listener)
		if e != 0 {
			return
		}
		sock.NoDelay(fd)
		for fd >= len(s.conns) {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{fd: fd}
		s.poll.Add(fd, sock.In, fd)
	}
}

// serve does what the events of a ready connection require, and closes it at
// its end.
func (s *server) serve(c *conn, events uint32) {
	var open bool
	switch {
	case c.in != nil:
		open = s.both(c, events)
	case c.source:
		open = s.send(c, events&^sock.Out != 0)
	case len(c.pending) > 0:
		open = s.flush(c)
	default:
		open = s.echo(c)
	}
	if !open {
		s.conns[c.fd] = nil
		sock.Close(c.fd)
	}
}

func (s *server) echo(c *conn) bool {
	n, e := sock.Read(c.fd, s.buf)
	if e == unix.EAGAIN {
		return true
	}
	if e != 0 || n == 0 {
		return false
	}
	first := !c.begun
	c.begun = true
	if first && n >= 2 && s.buf[0] == wire.Source {
		c.source, c.stream = true, s.buf[1]
		c.stop = n > 2 // the stop has already come, on a slow machine
		return s.poll.Change(c.fd, sock.In|sock.Out, c.fd) == 0
	}
	if first && n >= 2 && s.buf[0] == wire.Both {
		c.source, c.stream, c.in = true, s.buf[1], &inflow{}
		return s.poll.Change(c.fd, sock.In|sock.Out, c.fd) == 0 && s.take(c, s.buf[2:n])
	}
	w, e := sock.Write(c.fd, s.buf[:n])
	if e != 0 && e != unix.EAGAIN {
		return false
	}
	if w < n {
		c.pending = append(c.pending, s.buf[w:n]...)
		return s.poll.Change(c.fd, sock.Out, c.fd) == 0
	}
	return true
}

func (s *server) flush(c *conn) bool {
	n, e := sock.Write(c.fd, c.pending)
	if e != 0 && e != unix.EAGAIN {
		return false
	}
	c.pending = c.pending[n:]
	if len(c.pending) == 0 {
		return s.poll.Change(c.fd, sock.In, c.fd) == 0
	}
	return true
}

// send sends a chunk, but not beyond the Block at which a stop takes effect.
// spoken says that the client has sent something: a stop, or its end.
func (s *server) send(c *conn, spoken bool) bool {
	if spoken && !c.stop {
		n, e := sock.Read(c.fd, s.buf[:1])
		if e == 0 {
			if n == 0 {
				return false
			}
			c.stop = true
			s.poll.Change(c.fd, sock.Out, c.fd)
		} else if e != unix.EAGAIN {
			return false
		}
	}
	left := wire.Block - c.sent%wire.Block
	if c.stop && left == wire.Block && c.sent > 0 {
		return false
	}
	n, e := sock.Write(c.fd, wire.Pattern(c.stream, c.sent)[:min(left, wire.Chunk)])
	c.sent += int64(n)
	return e == 0 || e == unix.EAGAIN
}
