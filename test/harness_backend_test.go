// Harness: targets of all kinds.

package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// backend is a target: a listener that passes every connection to a function
// and counts them.
type backend struct {
	t        testing.TB
	ln       *net.TCPListener
	port     int
	accepted atomic.Int64
	mu       sync.Mutex
	conns    map[*net.TCPConn]bool
	shut     bool
}

// serve listens on addr ("127.0.0.1:0" for any port) until the test ends.
func serve(t testing.TB, addr string, handle func(*net.TCPConn)) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{t: t, ln: ln.(*net.TCPListener), conns: map[*net.TCPConn]bool{}}
	b.port = ln.Addr().(*net.TCPAddr).Port
	go func() {
		for {
			c, err := b.ln.AcceptTCP()
			if errors.Is(err, net.ErrClosed) {
				return
			} else if err != nil {
				t.Errorf("target: %v", err)
				return
			}
			b.accepted.Add(1)
			if b.keep(c) {
				go func() {
					defer b.drop(c)
					handle(c)
				}()
			}
		}
	}()
	t.Cleanup(b.close)
	return b
}

func (b *backend) addr() string { return b.ln.Addr().String() }

// keep registers a connection for close, unless close has already been called.
func (b *backend) keep(c *net.TCPConn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shut {
		c.Close()
		return false
	}
	b.conns[c] = true
	return true
}

func (b *backend) drop(c *net.TCPConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
	c.Close()
}

// held is the number of connections whose function has not returned.
func (b *backend) held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// close closes the listener, so that the port refuses, and every connection.
func (b *backend) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut = true
	b.ln.Close()
	for c := range b.conns {
		c.Close()
	}
}

// anywhere is a listening address with a port that the kernel chooses.
const anywhere = "127.0.0.1:0"

// echo sends back what it receives, and answers a half-close with a
// half-close.
func echo(c *net.TCPConn) {
	io.Copy(c, c)
	c.CloseWrite()
}

// sink reads to the end and closes.
func sink(c *net.TCPConn) { io.Copy(io.Discard, c) }

// greet sends a name, then does the same as echo.
func greet(name string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		io.WriteString(c, name+"\n")
		echo(c)
	}
}

// reset closes a connection so that its peer gets ECONNRESET (SO_LINGER 0).
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

// resetter answers one byte and resets at the second, so that the session is
// certainly relaying when it is cut.
func resetter(c *net.TCPConn) {
	one := make([]byte, 1)
	for range 2 {
		if _, err := io.ReadFull(c, one); err != nil {
			return
		}
		c.Write(one)
	}
	reset(c)
}

// refusing is an address on which no process listens.
func refusing(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(t))
}

// silent is an address whose backlog is full, so that a connect gets no answer
// at all, until open starts a real backend on the port.
type silent struct {
	t       testing.TB
	fd      int
	port    int
	fillers []int
}

func listenSilent(t testing.TB) *silent {
	t.Helper()
	s := &silent{t: t, port: freePort(t)}
	at := &syscall.SockaddrInet4{Port: s.port, Addr: [4]byte{127, 0, 0, 1}}
	must := func(err error) {
		if err != nil {
			t.Fatal("silent target: ", err)
		}
	}
	var err error
	s.fd, err = socket()
	must(err)
	t.Cleanup(s.close)
	must(syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	must(syscall.Bind(s.fd, at))
	must(syscall.Listen(s.fd, 0))
	for range 4 {
		fd, err := socket()
		must(err)
		must(syscall.SetNonblock(fd, true))
		s.fillers = append(s.fillers, fd)
		syscall.Connect(fd, at)
	}
	if c, err := net.DialTimeout("tcp", s.addr(), 200*time.Millisecond); err == nil {
		c.Close()
		t.Fatal("silent target: it answers")
	}
	return s
}

// socket returns a close-on-exec socket: if a program that is started meanwhile held a
// listener, the port would stay open after the close here.
func socket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err
}

func (s *silent) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *silent) close() {
	for _, fd := range append(s.fillers, s.fd) {
		syscall.Close(fd)
	}
	s.fillers, s.fd = nil, -1
}

// open replaces the silence with a backend on the same port.
func (s *silent) open(handle func(*net.TCPConn)) *backend {
	s.t.Helper()
	s.close()
	return serve(s.t, s.addr(), handle)
}
