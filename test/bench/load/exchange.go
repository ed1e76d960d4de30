//go:build linux

// Messages that go to the target and come back: sending, checking, time
// limits.

package load

import (
	"bytes"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/sock"
	"daemon/plug/test/bench/wire"
)

// client is a connection that carries at most one message at a time.
type client struct {
	tag   int // its index in run.all; the lone client's comes after these
	fd    int // -1: not connected
	began time.Duration
	out   []byte
	in    []byte
	busy  bool // its message is not back yet
	sent  int
	got   int
	waits uint32 // the events that epoll reports for it
}

func newClient(tag, size int) *client {
	return &client{tag: tag, fd: -1, out: make([]byte, size), in: make([]byte, size)}
}

// tagged is the client with this tag.
func (r *run) tagged(tag int32) *client {
	if int(tag) == len(r.all) {
		return r.lone
	}
	return r.all[tag]
}

// connect gives c a new connection and reports whether that succeeded; a
// failure is counted.
func (r *run) connect(c *client) bool {
	fd, e := sock.Dial(r.Addr)
	if e != 0 {
		r.fail("connect: " + e.Error())
		return false
	}
	if e := r.poll.Add(fd, sock.In, c.tag); e != 0 {
		r.fail("epoll: " + e.Error())
		sock.Close(fd)
		return false
	}
	c.fd, c.waits = fd, sock.In
	r.res.Sessions++
	return true
}

// ask starts sending the next message on c. A failure is counted and ends the
// connection.
func (r *run) ask(c *client) bool {
	r.seq++
	wire.Fill(c.out, r.seq)
	c.sent, c.got, c.busy = 0, 0, true
	r.busy++
	if e := r.send(c); e != 0 {
		r.ended(c, "write: "+e.Error())
		return false
	}
	return true
}

// send sends as much of the message as possible now.
func (r *run) send(c *client) syscall.Errno {
	interest := uint32(sock.In)
	for c.sent < len(c.out) {
		n, e := sock.Write(c.fd, c.out[c.sent:])
		if e == unix.EAGAIN {
			interest |= sock.Out
			break
		}
		if e != 0 {
			return e
		}
		c.sent += n
	}
	if c.waits != interest {
		c.waits = interest
		r.poll.Change(c.fd, interest, c.tag)
	}
	return 0
}

// step continues with a message as far as possible. It returns true if the
// message is back, or if it has failed, with the reason.
func (r *run) step(c *client) (ended bool, reason string) {
	if c.sent < len(c.out) {
		if e := r.send(c); e != 0 {
			return true, "write: " + e.Error()
		}
	}
	for c.got < len(c.in) {
		n, e := sock.Read(c.fd, c.in[c.got:])
		switch {
		case e == unix.EAGAIN:
			return false, ""
		case e != 0:
			return true, "read: " + e.Error()
		case n == 0:
			return true, "the connection ended before its answer"
		}
		c.got += n
	}
	if !bytes.Equal(c.in, c.out) {
		return true, "the answer is not what was sent"
	}
	return true, ""
}

// ended counts the result of a message. After a failure the connection is
// closed: its later bytes could not be trusted.
func (r *run) ended(c *client, reason string) {
	c.busy = false
	r.busy--
	if reason != "" {
		r.fail(reason)
		r.drop(c)
		return
	}
	r.res.Ops++
	now := r.now()
	if now < r.end {
		r.res.OnTime++
	}
	us := float64(now-c.began) / 1e3
	r.latency.Add(us)
	if c == r.lone {
		r.res.LoneMax = max(r.res.LoneMax, us)
	}
}

// await serves all clients until no message is pending; next is called with
// each client whose message has ended, and may send another one.
func (r *run) await(next func(c *client)) { r.awaitPaced(nil, next) }

// awaitPaced also continues until the pace has ended, if there is one.
func (r *run) awaitPaced(p *pace, next func(c *client)) {
	look := r.now()
	for r.busy > 0 || p.running() {
		for _, ev := range r.poll.Wait(p.wait(r.now())) {
			c := r.tagged(ev.Fd)
			if !c.busy {
				// No message is pending, so this is the end of the connection.
				r.fail("the connection ended while nothing was asked")
				r.drop(c)
				continue
			}
			if ended, reason := r.step(c); ended {
				r.ended(c, reason)
				next(c)
			}
		}
		p.keep(r.now())
		if now := r.now(); now-look >= r.Patience/4 {
			look = now
			r.giveUp(now, next)
		}
	}
}

// giveUp ends messages that have taken too long.
func (r *run) giveUp(now time.Duration, next func(c *client)) {
	late := func(c *client) {
		if c.busy && now-c.began > r.Patience {
			r.ended(c, "no answer in time")
			next(c)
		}
	}
	for _, c := range r.all {
		late(c)
	}
	if r.lone != nil {
		late(r.lone)
	}
}

// drop closes c's connection.
func (r *run) drop(c *client) {
	sock.Close(c.fd)
	c.fd = -1
}
