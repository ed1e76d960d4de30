//go:build linux

package load

import "time"

// short opens, asks once and closes, each client over and over.
type short struct{}

// warmUp is long enough for caches, spares and heuristics to settle.
const warmUp = 300 * time.Millisecond

func (s short) prepare(r *run) { s.cycle(r, warmUp) }
func (s short) measure(r *run) { s.cycle(r, r.Duration) }
func (short) finish(*run)      {}

// cycle goes on for d, and then until the last connection has its answer.
func (s short) cycle(r *run, d time.Duration) {
	r.plan(d)
	for _, c := range r.all {
		s.open(r, c)
	}
	var lone *pace
	if r.lone != nil {
		lone = &pace{every: r.Lone, due: r.now(), end: r.end, beat: func() {
			// It may still wait, and that is counted.
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

// open starts a connection with its message. After a few failures in a row
// the client gives up, or an address that refuses would be asked for ever.
func (s short) open(r *run, c *client) {
	for range 10 {
		c.began = r.now()
		// On loopback the connection is up at once, and the message can go.
		if r.connect(c) && r.ask(c) {
			return
		}
	}
}
