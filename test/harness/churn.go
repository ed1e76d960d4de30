// Harness: clients that come and go at a given rate.

package harness

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Span is a period of time.
type Span struct{ From, To time.Time }

func (s Span) covers(o Span) bool { return !s.From.After(o.From) && !s.To.Before(o.To) }

// Overlaps reports whether both spans have a moment in common.
func (s Span) Overlaps(o Span) bool { return s.From.Before(o.To) && o.From.Before(s.To) }

// Wider is the span extended by d on both sides.
func (s Span) Wider(d time.Duration) Span { return Span{s.From.Add(-d), s.To.Add(d)} }

// Churned is a session of a churn, as its client saw it. The client's address
// is unique in the whole run, so the session line with that PEER says which
// process carried it.
type Churned struct {
	Peer   string
	Surely Span // from an echo until the client started to end it
	AtMost Span // from the dial until the client saw the end
	Err    error
}

// Churn opens and ends sessions through an echo.
type Churn struct {
	To       string
	Rate     int           // sessions begun per second
	Lasting  time.Duration // minimum duration of one session in ten
	Random   *rand.Rand
	mu       sync.Mutex
	Sessions []Churned
	wg       sync.WaitGroup
	live     atomic.Int64
}

// MostLive is the maximum number of a churn's sessions at a time: a few times
// the number that a plug needs to keep up with a thousand per second.
const MostLive = 600

// Stuck reports whether sessions are begun faster than they are served.
func (c *Churn) Stuck() bool { return c.live.Load() >= MostLive }

// Run begins sessions until stop, and returns when all have ended. Most of
// them end at once.
func (c *Churn) Run(stop <-chan struct{}) {
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
		for due := int(time.Since(began).Seconds() * float64(c.Rate)); n < due && c.live.Load() < MostLive; n++ {
			c.live.Add(1)
			var held time.Duration
			switch c.Random.IntN(10) {
			case 0:
				held = c.Lasting + time.Duration(c.Random.IntN(200))*time.Millisecond
			case 1, 2:
				held = time.Duration(c.Random.IntN(60)) * time.Millisecond
			}
			peer := fmt.Sprintf("127.%d.%d.%d", 1+n/254/256, n/254%256, 1+n%254)
			c.wg.Go(func() { c.session(peer, held) })
		}
	}
}

func (c *Churn) session(peer string, held time.Duration) {
	s := Churned{Peer: peer}
	s.AtMost.From = time.Now()
	s.Err = func() error {
		conn, err := DialFrom(peer, c.To)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := Ping(conn); err != nil {
			return err
		}
		s.Surely.From = time.Now()
		Passed(held)
		s.Surely.To = time.Now()
		return Finish(conn)
	}()
	s.AtMost.To = time.Now()
	c.live.Add(-1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Sessions = append(c.Sessions, s)
}
