// Harness: clients that wait, and checks that everything works again.

package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// waiting are clients that have sent a byte through an echo and have had no
// answer yet.
type waiting struct {
	conns    []*net.TCPConn
	answered int
}

// queue connects n clients, which may have to wait.
func queue(t testing.TB, p *plug, n int) *waiting {
	t.Helper()
	w := new(waiting)
	for range n {
		c := dial(t, p.addr())
		c.SetDeadline(time.Now().Add(time.Minute))
		c.Write([]byte{'.'})
		w.conns = append(w.conns, c)
	}
	return w
}

// served waits for every client's answer: none was turned away.
func (w *waiting) served(t testing.TB) {
	t.Helper()
	if err := w.within(wholeWithin); err != nil {
		t.Fatalf("of %d clients that waited, one gets %v", len(w.conns), err)
	}
}

// within reads the answers of all clients that have had none yet.
func (w *waiting) within(d time.Duration) error {
	until := time.Now().Add(d)
	for ; w.answered < len(w.conns); w.answered++ {
		c := w.conns[w.answered]
		c.SetReadDeadline(until)
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return err
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
	}
	return nil
}

// wholeWithin covers the daemon's longest pause, and its work afterwards.
const wholeWithin = 12 * time.Second

// whole waits until a new client is served at once, as without any shortage,
// and until the pidfile is correct; then it ends all sessions, and returns how
// long all of that took. sessions is the expected number of lines.
func (p *plug) whole(since time.Time, held []*net.TCPConn, sessions int) time.Duration {
	p.t.Helper()
	fresh := dial(p.t, p.addr())
	mustPing(p.t, fresh)
	held = append(held, fresh)
	if p.mode == "pool" {
		p.carriers(poolWorkers)
	}
	p.lists(held)
	took := time.Since(since)
	for i, c := range held {
		if err := finish(c); err != nil {
			p.t.Errorf("session %d of %d ends with %v", i+1, len(held), err)
		}
	}
	p.lines(sessions + 1)
	if p.mode != "pool" {
		p.carriers(0)
	}
	want := fmt.Sprintf("plug: master %d (0 sessions)", p.port)
	await(p.t, "the master to count no sessions", normalWait, func() bool { return title(p.master) == want })
	return took
}

// flow sends and receives bytes on a held session: it continues, without an
// error.
func flow(t testing.TB, c *net.TCPConn, n int64) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyN(plain{c}, stream(uint64(n)), n)
		sent <- err
	}()
	check := newChecker(uint64(n))
	_, err := io.CopyN(check, plain{c}, n)
	if err := errors.Join(err, <-sent); err != nil {
		t.Errorf("a session that was there before: %v", err)
	}
}
