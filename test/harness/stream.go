// Harness: streams of random bytes, and targets that the test controls.

package harness

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// Stream is an endless sequence of random bytes, the same for the same seed.
func Stream(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// Checker is a writer that compares the written bytes with a stream, and
// reports the position of a difference.
type Checker struct {
	want io.Reader
	N    int64
	buf  []byte
}

// NewChecker returns a checker for the stream with this seed.
func NewChecker(seed uint64) *Checker { return &Checker{want: Stream(seed)} }

func (c *Checker) Write(p []byte) (int, error) {
	if len(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	io.ReadFull(c.want, c.buf[:len(p)])
	for i, b := range p {
		if b != c.buf[i] {
			return i, fmt.Errorf("byte %d is %#x, sent was %#x", c.N+int64(i), b, c.buf[i])
		}
	}
	c.N += int64(len(p))
	return len(p), nil
}

// Plain hides a connection's ReadFrom and WriteTo, so that io.Copy reads and
// writes in user space, in the pieces in which they come.
type Plain struct{ net.Conn }

// Send writes n bytes of a stream and half-closes.
func Send(c *net.TCPConn, seed uint64, n int64) error {
	if m, err := io.CopyN(Plain{c}, Stream(seed), n); err != nil {
		return fmt.Errorf("after %d of %d bytes sent: %w", m, n, err)
	}
	return c.CloseWrite()
}

// Receive reads to the end and checks that it gets n bytes of a stream.
func Receive(c *net.TCPConn, seed uint64, n int64) error {
	check := NewChecker(seed)
	if _, err := io.CopyBuffer(check, Plain{c}, make([]byte, 128<<10)); err != nil {
		return fmt.Errorf("after %d of %d bytes received: %w", check.N, n, err)
	}
	if check.N != n {
		return fmt.Errorf("%d bytes received, %d sent", check.N, n)
	}
	return nil
}

// Taker is a target that passes its connections to the test.
type Taker struct {
	*Backend
	Taken chan *net.TCPConn
}

// ServeTaker starts a taker, until the test ends.
func ServeTaker(t testing.TB) *Taker {
	t.Helper()
	taken, over := make(chan *net.TCPConn), make(chan struct{})
	b := Serve(t, Anywhere, func(c *net.TCPConn) {
		select {
		case taken <- c:
			<-over
		case <-over:
		}
	})
	t.Cleanup(func() { close(over) })
	return &Taker{b, taken}
}

// Session returns a client and the target's end of the same session; the test
// controls both.
func (k *Taker) Session(t testing.TB, p *Plug) (client, target *net.TCPConn) {
	t.Helper()
	client = Dial(t, p.Addr())
	select {
	case target = <-k.Taken:
		t.Cleanup(func() { target.Close() })
		target.SetDeadline(time.Now().Add(TalkBound))
	case <-time.After(TalkBound):
		t.Fatalf("waited %v in vain for the session at the target", TalkBound)
	}
	return client, target
}

// Both runs the ends of a conversation at the same time and fails with the
// first error; the others end with the test's connections.
func Both(t testing.TB, ends ...func() error) {
	t.Helper()
	errs := make(chan error, len(ends))
	for _, end := range ends {
		go func() { errs <- end() }()
	}
	for range ends {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}
