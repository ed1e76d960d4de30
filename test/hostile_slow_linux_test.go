package test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// slowly passes n bytes on in small pieces with pauses.
func slowly(to io.Writer, from io.Reader, n int64) error {
	const piece, pause = 2 << 10, 50 * time.Millisecond
	for ; n > 0; n -= piece {
		if _, err := io.CopyN(to, from, min(piece, n)); err != nil {
			return err
		}
		passed(pause)
	}
	return nil
}

// slowTarget sends all it has at once to the clients that read slowly, and reads
// at once what the slow writers send; its first byte says which.
func slowTarget(n int64) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		kind := make([]byte, 1)
		if _, err := io.ReadFull(c, kind); err != nil {
			return
		}
		if kind[0] == 'r' {
			send(c, 1, n)
			return
		}
		check := newChecker(2)
		if _, err := io.Copy(check, plain{c}); err == nil && check.n == n {
			c.Write([]byte{'k'})
		}
	}
}

// Slow readers and slow writers, a thousand of both: each gets every byte, the
// memory of each is bounded, and others don't wait for them.
func TestHostileSlow(t *testing.T) {
	n := count(1000)
	const size = 40_000
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		args := []string{"--max-workers", fmt.Sprint(n + n/10 + 40)}
		if mode == "pool" {
			args = []string{"--workers", "2"}
		}
		p := start(t, mode, append(args, serve(t, anywhere, slowTarget(size)).addr())...)
		other := start(t, mode, append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
		base, most := memory(t, p), 0
		done := make(chan error)
		for i := range n {
			go func() {
				d := net.Dialer{Control: narrow, Timeout: time.Minute}
				conn, err := d.Dial("tcp", p.addr())
				if err != nil {
					done <- err
					return
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(2 * time.Minute))
				done <- slowClient(conn.(*net.TCPConn), i%2 == 0, size)
			}()
		}
		slowest, failed := time.Duration(0), 0
		for left := n; left > 0; {
			select {
			case err := <-done:
				if left--; err != nil {
					if failed++; failed < 4 {
						t.Error(err)
					}
				}
			case <-time.After(20 * time.Millisecond):
				began := time.Now()
				cycle(t, other)
				slowest = max(slowest, time.Since(began))
				if mode == "pool" {
					most = max(most, memory(t, p))
				}
			}
		}
		p.lines(n)
		t.Logf("%d slow peers: another client waits %v at most; a pool worker has %d KiB before, %d KiB at most", n, slowest, base>>10, most>>10)
		if slowest > 500*time.Millisecond {
			t.Errorf("another client waited %v", slowest)
		}
		if most > base+4<<20+kept*n {
			t.Errorf("more than %d KiB a session", kept>>10)
		}
	})
}

func slowClient(c *net.TCPConn, reads bool, n int64) error {
	if reads {
		if _, err := c.Write([]byte{'r'}); err != nil {
			return err
		}
		check := newChecker(1)
		if err := slowly(check, plain{c}, n); err != nil {
			return fmt.Errorf("slow reader, after %d of %d bytes: %w", check.n, n, err)
		}
		return finish(c)
	}
	if _, err := c.Write([]byte{'w'}); err != nil {
		return err
	}
	if err := slowly(plain{c}, stream(2), n); err != nil {
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
