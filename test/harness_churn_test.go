// Harness: clients that come and go at a given rate.

package test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// span is a period of time.
type span struct{ from, to time.Time }

func (s span) covers(o span) bool   { return !s.from.After(o.from) && !s.to.Before(o.to) }
func (s span) overlaps(o span) bool { return s.from.Before(o.to) && o.from.Before(s.to) }

// wider is the span extended by d on both sides.
func (s span) wider(d time.Duration) span { return span{s.from.Add(-d), s.to.Add(d)} }

// churned is a session of a churn, as its client saw it. The client's address
// is unique in the whole run, so the session line with that PEER says which
// process carried it.
type churned struct {
	peer   string
	surely span // from an echo until the client started to end it
	atMost span // from the dial until the client saw the end
	err    error
}

// churn opens and ends sessions through an echo.
type churn struct {
	to       string
	rate     int           // sessions begun per second
	lasting  time.Duration // minimum duration of one session in ten
	rng      *rand.Rand
	mu       sync.Mutex
	sessions []churned
	wg       sync.WaitGroup
	live     atomic.Int64
}

// mostLive is the maximum number of a churn's sessions at a time: a few times
// the number that a plug needs to keep up with a thousand per second.
const mostLive = 600

// stuck reports whether sessions are begun faster than they are served.
func (c *churn) stuck() bool { return c.live.Load() >= mostLive }

// run begins sessions until stop, and returns when all have ended. Most of
// them end at once.
func (c *churn) run(stop <-chan struct{}) {
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-stop:
			c.wg.Wait()
			return
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(c.rate)); n < due && c.live.Load() < mostLive; n++ {
			c.live.Add(1)
			var held time.Duration
			switch c.rng.IntN(10) {
			case 0:
				held = c.lasting + time.Duration(c.rng.IntN(200))*time.Millisecond
			case 1, 2:
				held = time.Duration(c.rng.IntN(60)) * time.Millisecond
			}
			peer := fmt.Sprintf("127.%d.%d.%d", 1+n/254/256, n/254%256, 1+n%254)
			c.wg.Go(func() { c.session(peer, held) })
		}
	}
}

func (c *churn) session(peer string, held time.Duration) {
	s := churned{peer: peer}
	s.atMost.from = time.Now()
	s.err = func() error {
		conn, err := dialFrom(peer, c.to)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := ping(conn); err != nil {
			return err
		}
		s.surely.from = time.Now()
		passed(held)
		s.surely.to = time.Now()
		return finish(conn)
	}()
	s.atMost.to = time.Now()
	c.live.Add(-1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = append(c.sessions, s)
}
