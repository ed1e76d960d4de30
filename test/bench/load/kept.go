//go:build linux

// The loads with kept connections: request and idle.

package load

import "time"

// request keeps its connections and sends again on each as soon as the answer
// has come.
type request struct{}

func (q request) prepare(r *run) {
	r.hold()
	q.cycle(r, warmUp)
}

func (q request) measure(r *run) { q.cycle(r, r.Duration) }
func (request) finish(r *run)    { r.release() }

// cycle runs for d, and then until every request has its answer.
func (q request) cycle(r *run, d time.Duration) {
	r.plan(d)
	ask := func(c *client) {
		if c.fd >= 0 {
			c.began = r.now()
			r.ask(c)
		}
	}
	for _, c := range r.all {
		ask(c)
	}
	r.await(func(c *client) {
		if r.now() < r.end {
			ask(c)
		}
	})
}

// idle keeps its connections, which are silent between a first and a last
// message.
type idle struct{}

func (idle) prepare(r *run) { r.hold() }
func (idle) measure(r *run) { request{}.cycle(r, 0) }
func (idle) finish(r *run)  { r.release() }

// hold connects all clients and checks each connection with one message; one
// after another, since a burst is another kind of load.
func (r *run) hold() {
	for _, c := range r.all {
		c.began = r.now()
		if r.connect(c) && r.ask(c) {
			r.await(func(*client) {})
		}
	}
}

// release closes all connections.
func (r *run) release() {
	for _, c := range r.all {
		if c.fd >= 0 {
			r.drop(c)
		}
	}
}
