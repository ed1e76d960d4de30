// Tests of slow readers and slow writers, a thousand of each.

package test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// slowly copies n bytes in pieces with pauses.
func slowly(to io.Writer, from io.Reader, n, piece int64) error {
	pause := 20 * time.Millisecond
	if harness.Soak() {
		pause *= 10 // for ten times as many
	}
	for ; n > 0; n -= piece {
		if _, err := io.CopyN(to, from, min(piece, n)); err != nil {
			return err
		}
		harness.Passed(pause)
	}
	return nil
}

// More than the buffers on the way hold, so that a slow reader delays its
// target; and what a slow writer sends.
const (
	slowDown = 800 << 10
	slowUp   = 100_000
)

// slowTarget sends everything at once to the clients that read slowly, and
// reads at full speed what the slow writers send; the first byte says which
// kind the client is, or that it is one of the others.
func slowTarget(c *net.TCPConn) {
	kind := make([]byte, 1)
	if _, err := io.ReadFull(c, kind); err != nil {
		return
	}
	switch kind[0] {
	case 'r':
		from := harness.Stream(1)
		for range slowDown / 8192 {
			if _, err := io.CopyN(harness.Plain{Conn: c}, from, 8192); err != nil {
				return
			}
		}
		c.CloseWrite()
	case 'w':
		check := harness.NewChecker(2)
		if _, err := io.Copy(check, harness.Plain{Conn: c}); err == nil && check.N == slowUp {
			c.Write([]byte{'k'})
		}
	default:
		c.Write(kind)
		harness.Echo(c)
	}
}

// A thousand slow readers and a thousand slow writers: each gets every byte,
// the memory for each is limited, and other sessions are not delayed.
func TestHostileSlow(t *testing.T) {
	t.Parallel()
	if !harness.SmallBuffers(t) {
		return
	}
	n := harness.Count(1000)
	// One mode after another: otherwise, others would wait while another
	// mode's thousand workers are started.
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		args := []string{"--max-workers", fmt.Sprint(n + n/10 + 40)}
		if mode == "pool" {
			args = []string{"--workers", "2"}
		}
		b := harness.Serve(t, harness.Anywhere, slowTarget)
		p := harness.Start(t, mode, append(args, b.Addr())...)
		base, most := memory(t, p), 0
		done := startSlow(p.Addr(), n)
		failed, others, waits := 0, 0, []time.Duration{0}
		for left := n; left > 0; {
			select {
			case err := <-done:
				if left--; err != nil {
					if failed++; failed < 4 {
						t.Error(err)
					}
				}
			case <-time.After(20 * time.Millisecond):
				born := b.Accepted.Load() == int64(n+others)
				began := time.Now()
				harness.ShortSession(t, p)
				if others++; born { // a client that comes while their workers are started waits after them
					waits = append(waits, time.Since(began))
				}
				if mode == "pool" {
					most = max(most, memory(t, p))
				}
			}
		}
		p.Lines(n + others)
		// Some wait longer because of this and other tests, but not for
		// seconds.
		slices.Sort(waits)
		half, all := waits[len(waits)/2], waits[len(waits)-1]
		t.Logf("%d slow peers: of %d others half wait %v at most, all %v", n, len(waits), half, all)
		if mode == "pool" {
			t.Logf("the larger worker has %d KiB before, %d KiB at most", base>>10, most>>10)
		}
		if len(waits) < 10 {
			t.Errorf("%d others are too few to judge", len(waits))
		}
		if half > 100*time.Millisecond || all > 2*time.Second {
			t.Errorf("half of the others wait %v, all %v", half, all)
		}
		if most > base+4<<20+kept*n {
			t.Errorf("more than %d KiB a session", kept>>10)
		}
	})
}

// startSlow starts n clients, half of which read slowly and half write slowly.
func startSlow(to string, n int) (done chan error) {
	done = make(chan error)
	for i := range n {
		go func() {
			d := net.Dialer{Control: narrow, Timeout: time.Minute}
			conn, err := d.Dial("tcp", to)
			if err != nil {
				done <- err
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(2 * time.Minute))
			done <- slowClient(conn.(*net.TCPConn), i%2 == 0)
		}()
	}
	return done
}

func slowClient(c *net.TCPConn, reads bool) error {
	if reads {
		if _, err := c.Write([]byte{'r'}); err != nil {
			return err
		}
		check := harness.NewChecker(1)
		if err := slowly(check, harness.Plain{Conn: c}, slowDown, 20<<10); err != nil {
			return fmt.Errorf("slow reader, after %d of %d bytes: %w", check.N, slowDown, err)
		}
		return harness.Finish(c)
	}
	if _, err := c.Write([]byte{'w'}); err != nil {
		return err
	}
	if err := slowly(harness.Plain{Conn: c}, harness.Stream(2), slowUp, 2<<10); err != nil {
		return fmt.Errorf("slow writer: %w", err)
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return fmt.Errorf("the target has not all that a slow writer sent: %w", err)
	}
	return nil
}
