//go:build linux

package load

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/test/bench/sock"
	"plugdaemon/test/bench/wire"
)

// bulk receives a stream on each client, from its connect to an end that is
// at a Block of package wire.
type bulk struct{ buf []byte }

func (b *bulk) prepare(r *run) {
	b.buf = make([]byte, wire.Chunk)
	b.streams(r, warmUp)
}

func (b *bulk) measure(r *run) { b.streams(r, r.Duration) }
func (b *bulk) finish(*run)    {}

// streams receives for d, asks the source to stop, and receives what is left.
func (b *bulk) streams(r *run, d time.Duration) {
	end := r.now() + d
	got := make([]int64, len(r.all))
	live := 0
	for i, c := range r.all {
		if !r.connect(c) {
			continue
		}
		if e := sock.WriteWhenUp(c.fd, []byte{wire.Source, byte(i)}, int(r.Patience.Milliseconds())); e != 0 {
			r.fail("write: " + e.Error())
			r.drop(c)
			continue
		}
		live++
	}
	stopped := false
	for heard := r.now(); live > 0; {
		for _, ev := range r.poll.Wait(50) {
			c := r.all[ev.Fd]
			heard = r.now()
			if reason, open := b.receive(c, &got[c.tag]); !open {
				r.drop(c)
				live--
				r.res.Bytes += got[c.tag]
				if reason == "" && !stopped {
					reason = "the stream ended before it was stopped"
				}
				if reason != "" {
					r.fail(reason)
				}
			}
		}
		if now := r.now(); now > end && !stopped {
			stopped = true
			for _, c := range r.all {
				if c.fd >= 0 {
					sock.Write(c.fd, []byte{0})
				}
			}
		} else if now-heard > r.Patience {
			r.fail("no byte in time")
			r.release()
			return
		}
	}
}

// receive takes what one read gives and checks it. It says whether the stream
// goes on; if not, the reason is empty at a proper end.
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
