// Harness: streams of random bytes, and targets that the test controls.

package test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// stream is an endless sequence of random bytes, the same for the same seed.
func stream(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// checker is a writer that compares the written bytes with a stream, and
// reports the position of a difference.
type checker struct {
	want io.Reader
	n    int64
	buf  []byte
}

func newChecker(seed uint64) *checker { return &checker{want: stream(seed)} }

func (c *checker) Write(p []byte) (int, error) {
	if len(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	io.ReadFull(c.want, c.buf[:len(p)])
	for i, b := range p {
		if b != c.buf[i] {
			return i, fmt.Errorf("byte %d is %#x, sent was %#x", c.n+int64(i), b, c.buf[i])
		}
	}
	c.n += int64(len(p))
	return len(p), nil
}

// plain hides a connection's ReadFrom and WriteTo, so that io.Copy reads and
// writes in user space, in the pieces in which they come.
type plain struct{ net.Conn }

// send writes n bytes of a stream and half-closes.
func send(c *net.TCPConn, seed uint64, n int64) error {
	if m, err := io.CopyN(plain{c}, stream(seed), n); err != nil {
		return fmt.Errorf("after %d of %d bytes sent: %w", m, n, err)
	}
	return c.CloseWrite()
}

// receive reads to the end and checks that it gets n bytes of a stream.
func receive(c *net.TCPConn, seed uint64, n int64) error {
	check := newChecker(seed)
	if _, err := io.CopyBuffer(check, plain{c}, make([]byte, 128<<10)); err != nil {
		return fmt.Errorf("after %d of %d bytes received: %w", check.n, n, err)
	}
	if check.n != n {
		return fmt.Errorf("%d bytes received, %d sent", check.n, n)
	}
	return nil
}

// taker is a target that passes its connections to the test.
type taker struct {
	*backend
	taken chan *net.TCPConn
}

func serveTaker(t testing.TB) *taker {
	t.Helper()
	taken, over := make(chan *net.TCPConn), make(chan struct{})
	b := serve(t, anywhere, func(c *net.TCPConn) {
		select {
		case taken <- c:
			<-over
		case <-over:
		}
	})
	t.Cleanup(func() { close(over) })
	return &taker{b, taken}
}

// session returns a client and the target's end of the same session; the test
// controls both.
func (k *taker) session(t testing.TB, p *plug) (client, target *net.TCPConn) {
	t.Helper()
	client = dial(t, p.addr())
	select {
	case target = <-k.taken:
		t.Cleanup(func() { target.Close() })
		target.SetDeadline(time.Now().Add(talkBound))
	case <-time.After(talkBound):
		t.Fatalf("waited %v in vain for the session at the target", talkBound)
	}
	return client, target
}

// both runs the ends of a conversation at the same time and fails with the
// first error; the others end with the test's connections.
func both(t testing.TB, ends ...func() error) {
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
