//go:build linux

// The load of short connections.

package load

import "time"

// short connects, sends one message and closes, again and again with each
// client.
type short struct{}

// warmUp is long enough for caches, spares and heuristics to settle.
const warmUp = 300 * time.Millisecond

func (s short) prepare(r *run) { s.cycle(r, warmUp) }
func (s short) measure(r *run) { s.cycle(r, r.Duration) }
func (short) finish(*run)      {}

// cycle runs for d, and then until the last connection has its answer.
func (s short) cycle(r *run, d time.Duration) {
	r.plan(d)
	for _, c := range r.all {
		s.open(r, c)
	}
	var lone *pace
	if r.lone != nil {
		lone = &pace{every: r.Lone, due: r.now(), end: r.end, beat: func() {
			// It may still be waiting, which is counted.
			if !r.lone.busy {
				s.open(r, r.lone)
			}
		}}
	}
	r.awaitPaced(lone, func(c *client) {
		if c.fd >= 0 {
			r.drop(c)
		}
		if c != r.lone && r.now() < r.end {
			s.open(r, c)
		}
	})
}

// open starts a connection with its message. After a few failures in a row the
// client gives up; otherwise it would try a refusing address forever.
func (s short) open(r *run, c *client) {
	for range 10 {
		c.began = r.now()
		// On loopback the connection is established at once, so the message
		// can be sent.
		if r.connect(c) && r.ask(c) {
			return
		}
	}
}
