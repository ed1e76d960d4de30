//go:build linux

// The load of streams from the target, and its checks.

package load

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/sock"
	"daemon/plug/test/bench/wire"
)

// bulk receives a stream on each client, from its connect to an end that is a
// multiple of wire.Block; with both, it also sends one.
type bulk struct {
	both    bool
	buf     []byte
	got     []int64 // per client
	out     []sending
	stopped bool // the streams must end at their next Block
}

func (b *bulk) prepare(r *run) {
	b.buf = make([]byte, wire.Chunk)
	b.streams(r, warmUp)
}

func (b *bulk) measure(r *run) { b.streams(r, r.Duration) }
func (b *bulk) finish(*run)    {}

// streams transfers bytes for d, requests the end, and transfers the rest.
func (b *bulk) streams(r *run, d time.Duration) {
	end := r.now() + d
	b.got, b.out, b.stopped = make([]int64, len(r.all)), make([]sending, len(r.all)), false
	live := 0
	for _, c := range r.all {
		if r.connect(c) && b.begin(r, c) {
			live++
		}
	}
	for heard := r.now(); live > 0; {
		for _, ev := range r.poll.Wait(50) {
			c := r.all[ev.Fd]
			heard = r.now()
			if reason, open := b.move(r, c, ev.Events); !open {
				r.drop(c)
				live--
				r.res.Bytes += b.got[c.tag] + b.out[c.tag].sent
				if reason == "" && !b.mayEnd(c) {
					reason = "the stream ended before it was stopped"
				}
				if reason != "" {
					r.fail(reason)
				}
			}
		}
		if now := r.now(); now > end && !b.stopped {
			b.stop(r)
		} else if now-heard > r.Patience || now > end+10*r.Patience {
			r.fail("no byte, or no end, in time")
			r.release()
			return
		}
	}
}

// begin requests c's stream. A failure is counted and ends the connection.
func (b *bulk) begin(r *run, c *client) bool {
	first := byte(wire.Source)
	if b.both {
		first = wire.Both
	}
	if e := sock.WriteWhenUp(c.fd, []byte{first, byte(c.tag)}, int(r.Patience.Milliseconds())); e != 0 {
		r.fail("write: " + e.Error())
		r.drop(c)
		return false
	}
	if b.both {
		r.poll.Change(c.fd, sock.In|sock.Out, c.tag)
	}
	return true
}

// stop requests the end of all streams; streams in both directions request it
// themselves, in their next mark.
func (b *bulk) stop(r *run) {
	b.stopped = true
	if b.both {
		return
	}
	for _, c := range r.all {
		if c.fd >= 0 {
			sock.Write(c.fd, []byte{0})
		}
	}
}

// mayEnd reports whether the end of c's stream was requested from the target.
func (b *bulk) mayEnd(c *client) bool { return b.stopped && (!b.both || b.out[c.tag].ended) }

// move handles the events of a stream and reports whether it continues; if
// not, the reason is empty at a correct end.
func (b *bulk) move(r *run, c *client, events uint32) (reason string, open bool) {
	if b.both && events&sock.Out != 0 {
		if reason := b.send(r, c); reason != "" {
			return reason, false
		}
	}
	if events&^sock.Out == 0 {
		return "", true
	}
	return b.receive(c, &b.got[c.tag])
}

// receive reads once and checks the bytes.
func (b *bulk) receive(c *client, got *int64) (reason string, open bool) {
	n, e := sock.Read(c.fd, b.buf)
	switch {
	case e == unix.EAGAIN:
		return "", true
	case e != 0:
		return "read: " + e.Error(), false
	case n == 0 && (*got == 0 || *got%wire.Block != 0):
		return "the stream was cut", false
	case n == 0:
		return "", false
	}
	if !bytes.Equal(b.buf[:n], wire.Pattern(byte(c.tag), *got)[:n]) {
		return "the stream is not what was sent", false
	}
	*got += int64(n)
	return "", true
}
