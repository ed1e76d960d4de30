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

	"daemon/plug/test/harness"
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
	t.Parallel()
	n := int64(harness.Count(1 << 30))
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		seed := harness.Random(t).Uint64()
		k := harness.ServeTaker(t)
		p := harness.Start(t, mode, k.Addr())
		client, target := k.Session(t, p)
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
		harness.Both(t,
			func() error {
				if _, err := io.CopyN(counted{client, &sent}, harness.Stream(seed), n); err != nil {
					return fmt.Errorf("client, after %d bytes: %w", sent.Load(), err)
				}
				return client.CloseWrite()
			},
			func() error { return harness.Send(target, seed+1, n) },
			func() error {
				defer close(down)
				return harness.Receive(client, seed+1, n)
			},
			func() error {
				<-down
				for was := int64(-1); sent.Load() != was; harness.Passed(300 * time.Millisecond) {
					was = sent.Load()
				}
				if s := sent.Load(); s >= n || s > kernelHolds {
					return fmt.Errorf("%d bytes were sent while the target read none", s)
				}
				return harness.Receive(target, seed, n)
			})
		close(stop)
		<-watched
		t.Logf("worker memory: %d KiB before, at most %d KiB", before>>10, most>>10)
		if before == 0 || most-before > workerGrows {
			t.Errorf("the worker grew by %d KiB", (most-before)>>10)
		}
		if l := p.Lines(1)[0]; l.In != n || l.Out != n {
			t.Errorf("session line: %+v", l)
		}
	})
}

// memory is the resident memory of the largest worker.
func memory(t testing.TB, p *harness.Plug) int {
	t.Helper()
	most := 0
	for _, w := range p.Workers() {
		most = max(most, harness.RSS(w.PID))
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
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		k := harness.ServeTaker(t)
		p := harness.Start(t, mode, "-l", k.Addr())
		for i, first := range []string{"client", "target"} {
			client, target := k.Session(t, p)
			one, other := client, target
			if first == "target" {
				one, other = target, client
			}
			// The first one ends after 1000 bytes, and then reads everything
			// that the other one sends.
			if err := harness.Send(one, 1, 1000); err != nil {
				t.Fatal(err)
			}
			if err := harness.Receive(other, 1, 1000); err != nil {
				t.Fatalf("%s closed first: %v", first, err)
			}
			harness.Both(t, func() error { return harness.Send(other, 2, n) }, func() error { return harness.Receive(one, 2, n) })
			l := p.Lines(i + 1)[i]
			if want := (map[string][2]int64{"client": {1000, n}, "target": {n, 1000}})[first]; l.In != want[0] || l.Out != want[1] {
				t.Errorf("%s closed first: session line %+v", first, l)
			}
		}
		if r, bad := p.Syslog.Find(`.*status=.*`); bad {
			t.Errorf("an orderly end: %v", r)
		}
	})
}

// A cut transfer must not look complete from either side, whatever was
// half-closed before.
func TestResetArrivesAsReset(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		k := harness.ServeTaker(t)
		p := harness.Start(t, mode, "-l", k.Addr())
		for i, c := range []struct{ by, halfClosed string }{
			{"client", ""}, {"target", ""},
			{"client", "target"}, {"target", "client"},
		} {
			client, target := k.Session(t, p)
			from, to := client, target
			if c.by == "target" {
				from, to = target, client
			}
			if c.halfClosed != "" {
				if err := harness.Send(to, 1, 10); err != nil {
					t.Fatal(err)
				}
				if err := harness.Receive(from, 1, 10); err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
			} else {
				from.Write([]byte{'.'})
				if _, err := io.ReadFull(to, make([]byte, 1)); err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
			}
			harness.Reset(from)
			if _, err := io.ReadAll(to); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%+v: the other side reads %v, not a reset", c, err)
			}
			p.Lines(i + 1)
			harness.Await(t, fmt.Sprintf("status=3 in syslog, %d times", i+1), harness.NormalWait, func() bool {
				return len(slices.DeleteFunc(p.Syslog.All(), func(r harness.Record) bool {
					return r.Text != fmt.Sprintf("(%d): Complete, status=3.", p.Port)
				})) == i+1
			})
		}
	})
}

func TestEmptySessions(t *testing.T) {
	t.Parallel()
	n := harness.Count(1000)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		b := harness.Serve(t, harness.Anywhere, harness.Sink)
		p := harness.Start(t, mode, b.Addr())
		for i := range n {
			c := harness.Dial(t, p.Addr())
			if i%2 == 0 {
				c.Close()
			} else if err := harness.Finish(c); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range p.Lines(n) {
			if l.In != 0 || l.Out != 0 {
				t.Errorf("session line: %+v", l)
			}
		}
		if got := b.Accepted.Load(); got != int64(n) {
			t.Errorf("the target saw %d sessions, not %d", got, n)
		}
	})
}

func TestSingleBytes(t *testing.T) {
	t.Parallel()
	n := harness.Count(20_000)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		// One at a time: each must be passed on without waiting for more.
		c := harness.Dial(t, p.Addr())
		c.SetDeadline(time.Now().Add(harness.TalkBound + time.Duration(n)*5*time.Millisecond)) // other tests run at the same time
		for range n {
			harness.MustPing(t, c)
		}
		// And as fast as possible.
		harness.Both(t, func() error {
			one, s := make([]byte, 1), harness.Stream(3)
			for range n {
				io.ReadFull(s, one)
				if _, err := c.Write(one); err != nil {
					return err
				}
			}
			return c.CloseWrite()
		}, func() error { return harness.Receive(c, 3, int64(n)) })
		if l := p.Lines(1)[0]; l.In != int64(2*n) || l.Out != int64(2*n) {
			t.Errorf("session line: %+v", l)
		}
	})
}
