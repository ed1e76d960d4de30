// Tests that every byte arrives: bulk, half-close, resets, single bytes.

package test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A transfer's bounds. The kernel's buffers on the way (tcp_rmem and tcp_wmem,
// twice each, and a pipe) hold the data for a slow reader; the worker's own
// memory may only grow by its buffers.
const (
	kernelHolds = 64 << 20
	workerGrows = 8 << 20
)

// One GiB of random bytes each way at the same time. The target reads nothing
// until the client cannot send any more and has received everything from the
// target: a blocked direction must affect neither the other one nor the
// worker's memory.
func TestBulkWithSlowReader(t *testing.T) {
	n := int64(count(1 << 30))
	forEachMode(t, func(t *testing.T, mode string) {
		seed := random(t).Uint64()
		k := serveTaker(t)
		p := start(t, mode, k.addr())
		client, target := k.session(t, p)
		client.SetDeadline(time.Now().Add(5 * time.Minute))
		target.SetDeadline(time.Now().Add(5 * time.Minute))
		before := memory(t, p)
		most := 0
		stop, watched := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(watched)
			for {
				most = max(most, memory(t, p))
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()

		var sent atomic.Int64
		down := make(chan struct{}) // closed when the client has all that the target sent
		both(t,
			func() error {
				if _, err := io.CopyN(counted{client, &sent}, stream(seed), n); err != nil {
					return fmt.Errorf("client, after %d bytes: %w", sent.Load(), err)
				}
				return client.CloseWrite()
			},
			func() error { return send(target, seed+1, n) },
			func() error {
				defer close(down)
				return receive(client, seed+1, n)
			},
			func() error {
				<-down
				for was := int64(-1); sent.Load() != was; passed(300 * time.Millisecond) {
					was = sent.Load()
				}
				if s := sent.Load(); s >= n || s > kernelHolds {
					return fmt.Errorf("%d bytes were sent while the target read none", s)
				}
				return receive(target, seed, n)
			})
		close(stop)
		<-watched
		t.Logf("worker memory: %d KiB before, at most %d KiB", before>>10, most>>10)
		if before == 0 || most-before > workerGrows {
			t.Errorf("the worker grew by %d KiB", (most-before)>>10)
		}
		if l := p.lines(1)[0]; l.in != n || l.out != n {
			t.Errorf("session line: %+v", l)
		}
	})
}

// memory is the resident memory of the largest worker.
func memory(t testing.TB, p *plug) int {
	t.Helper()
	most := 0
	for _, w := range p.workers() {
		most = max(most, rss(w.pid))
	}
	return most
}

// counted counts the bytes written to a connection.
type counted struct {
	io.Writer
	n *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func TestHalfClose(t *testing.T) {
	t.Parallel()
	const n = 1 << 20
	forEachMode(t, func(t *testing.T, mode string) {
		k := serveTaker(t)
		p := start(t, mode, "-l", k.addr())
		for i, first := range []string{"client", "target"} {
			client, target := k.session(t, p)
			one, other := client, target
			if first == "target" {
				one, other = target, client
			}
			// The first one ends after 1000 bytes, and then reads everything
			// that the other one sends.
			if err := send(one, 1, 1000); err != nil {
				t.Fatal(err)
			}
			if err := receive(other, 1, 1000); err != nil {
				t.Fatalf("%s closed first: %v", first, err)
			}
			both(t, func() error { return send(other, 2, n) }, func() error { return receive(one, 2, n) })
			l := p.lines(i + 1)[i]
			if want := (map[string][2]int64{"client": {1000, n}, "target": {n, 1000}})[first]; l.in != want[0] || l.out != want[1] {
				t.Errorf("%s closed first: session line %+v", first, l)
			}
		}
		if r, bad := p.syslog.find(`.*status=.*`); bad {
			t.Errorf("an orderly end: %v", r)
		}
	})
}

// A cut transfer must not look complete from either side, whatever was
// half-closed before.
func TestResetArrivesAsReset(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		k := serveTaker(t)
		p := start(t, mode, "-l", k.addr())
		for i, c := range []struct{ by, halfClosed string }{
			{"client", ""}, {"target", ""},
			{"client", "target"}, {"target", "client"},
		} {
			client, target := k.session(t, p)
			from, to := client, target
			if c.by == "target" {
				from, to = target, client
			}
			if c.halfClosed != "" {
				if err := send(to, 1, 10); err != nil {
					t.Fatal(err)
				}
				if err := receive(from, 1, 10); err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
			} else {
				from.Write([]byte{'.'})
				if _, err := io.ReadFull(to, make([]byte, 1)); err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
			}
			reset(from)
			if _, err := io.ReadAll(to); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%+v: the other side reads %v, not a reset", c, err)
			}
			p.lines(i + 1)
			await(t, fmt.Sprintf("status=3 in syslog, %d times", i+1), normalWait, func() bool {
				return len(slices.DeleteFunc(p.syslog.all(), func(r record) bool {
					return r.text != fmt.Sprintf("(%d): Complete, status=3.", p.port)
				})) == i+1
			})
		}
	})
}

func TestEmptySessions(t *testing.T) {
	t.Parallel()
	n := count(1000)
	forEachMode(t, func(t *testing.T, mode string) {
		b := serve(t, anywhere, sink)
		p := start(t, mode, b.addr())
		for i := range n {
			c := dial(t, p.addr())
			if i%2 == 0 {
				c.Close()
			} else if err := finish(c); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range p.lines(n) {
			if l.in != 0 || l.out != 0 {
				t.Errorf("session line: %+v", l)
			}
		}
		if got := b.accepted.Load(); got != int64(n) {
			t.Errorf("the target saw %d sessions, not %d", got, n)
		}
	})
}

func TestSingleBytes(t *testing.T) {
	t.Parallel()
	n := count(20_000)
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, serve(t, anywhere, echo).addr())
		// One at a time: each must be passed on without waiting for more.
		c := dial(t, p.addr())
		c.SetDeadline(time.Now().Add(talkBound + time.Duration(n)*5*time.Millisecond)) // other tests run at the same time
		for range n {
			mustPing(t, c)
		}
		// And as fast as possible.
		both(t, func() error {
			one, s := make([]byte, 1), stream(3)
			for range n {
				io.ReadFull(s, one)
				if _, err := c.Write(one); err != nil {
					return err
				}
			}
			return c.CloseWrite()
		}, func() error { return receive(c, 3, int64(n)) })
		if l := p.lines(1)[0]; l.in != int64(2*n) || l.out != int64(2*n) {
			t.Errorf("session line: %+v", l)
		}
	})
}
