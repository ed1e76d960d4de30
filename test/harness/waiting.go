// Harness: clients that wait, and sessions that go on.

package harness

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// Waiting are clients that have sent a byte through an echo and have had no
// answer yet.
type Waiting struct {
	Conns    []*net.TCPConn
	answered int
}

// QueueClients connects n clients, which may have to wait.
func QueueClients(t testing.TB, p *Plug, n int) *Waiting {
	t.Helper()
	w := new(Waiting)
	for range n {
		c := Dial(t, p.Addr())
		c.SetDeadline(time.Now().Add(time.Minute))
		c.Write([]byte{'.'})
		w.Conns = append(w.Conns, c)
	}
	return w
}

// Served waits for every client's answer: none was turned away.
func (w *Waiting) Served(t testing.TB) {
	t.Helper()
	if err := w.Within(WholeWithin); err != nil {
		t.Fatalf("of %d clients that waited, one gets %v", len(w.Conns), err)
	}
}

// Within reads the answers of all clients that have had none yet.
func (w *Waiting) Within(d time.Duration) error {
	until := time.Now().Add(d)
	for ; w.answered < len(w.Conns); w.answered++ {
		c := w.Conns[w.answered]
		c.SetReadDeadline(until)
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return err
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
	}
	return nil
}

// WholeWithin covers the daemon's longest pause, and its work afterwards.
const WholeWithin = 12 * time.Second

// FlowOn sends and receives bytes on a held session: it continues, without an
// error.
func FlowOn(t testing.TB, c *net.TCPConn, n int64) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyN(Plain{c}, Stream(uint64(n)), n)
		sent <- err
	}()
	check := NewChecker(uint64(n))
	_, err := io.CopyN(check, Plain{c}, n)
	if err := errors.Join(err, <-sent); err != nil {
		t.Errorf("a session that was there before: %v", err)
	}
}
