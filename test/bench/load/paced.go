//go:build linux

// The loads with a given rate: rate and burst.

package load

import (
	"fmt"
	"time"
)

// rate opens a given number of connections per second, even if earlier ones
// are slow: a slow proxy cannot slow its load down. At most the connections of
// one second are pending.
type rate struct{}

func (q rate) prepare(r *run) { q.cycle(r, warmUp) }
func (q rate) measure(r *run) { q.cycle(r, r.Duration) }
func (rate) finish(*run)      {}

func (rate) cycle(r *run, d time.Duration) {
	next := 0
	beat := func() {
		for range r.all {
			c := r.all[next]
			next = (next + 1) % len(r.all)
			if !c.busy {
				short{}.open(r, c)
				return
			}
		}
		r.fail(fmt.Sprintf("%d connections are under way", len(r.all)))
	}
	now := r.now()
	r.awaitPaced(&pace{every: time.Second / time.Duration(len(r.all)), due: now, end: now + d, beat: beat}, func(c *client) {
		if c.fd >= 0 {
			r.drop(c)
		}
	})
}

// burst opens all connections at once and keeps them, so that each needs its
// own resources. Latencies are from the first connect on.
type burst struct{}

func (burst) prepare(*run) {}

func (burst) measure(r *run) {
	began := r.now()
	for _, c := range r.all {
		c.began = began
		if r.connect(c) {
			r.ask(c)
		}
	}
	r.await(func(*client) {})
}

func (burst) finish(r *run) { r.release() }
