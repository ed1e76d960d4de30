// Harness: targets of all kinds.

package harness

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Backend is a target: a listener that passes every connection to a function
// and counts them.
type Backend struct {
	T        testing.TB
	Listener *net.TCPListener
	Port     int
	Accepted atomic.Int64
	mu       sync.Mutex
	conns    map[*net.TCPConn]bool
	shut     bool
}

// Serve listens on addr ("127.0.0.1:0" for any port) until the test ends.
func Serve(t testing.TB, addr string, handle func(*net.TCPConn)) *Backend {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	b := &Backend{T: t, Listener: ln.(*net.TCPListener), conns: map[*net.TCPConn]bool{}}
	b.Port = ln.Addr().(*net.TCPAddr).Port
	go func() {
		for {
			c, err := b.Listener.AcceptTCP()
			if errors.Is(err, net.ErrClosed) {
				return
			} else if err != nil {
				t.Errorf("target: %v", err)
				return
			}
			b.Accepted.Add(1)
			if b.keep(c) {
				go func() {
					defer b.drop(c)
					handle(c)
				}()
			}
		}
	}()
	t.Cleanup(b.Close)
	return b
}

// Addr is the address that it listens on.
func (b *Backend) Addr() string { return b.Listener.Addr().String() }

// keep registers a connection for Close, unless Close has already been called.
func (b *Backend) keep(c *net.TCPConn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shut {
		c.Close()
		return false
	}
	b.conns[c] = true
	return true
}

func (b *Backend) drop(c *net.TCPConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
	c.Close()
}

// Held is the number of connections whose function has not returned.
func (b *Backend) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// Close closes the listener, so that the port refuses, and every connection. No
// program is started meanwhile: until its exec, it would hold them open.
func (b *Backend) Close() {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut = true
	b.Listener.Close()
	for c := range b.conns {
		c.Close()
	}
}

// Anywhere is a listening address with a port that the kernel chooses.
const Anywhere = "127.0.0.1:0"

// Echo sends back what it receives, and answers a half-close with a
// half-close.
func Echo(c *net.TCPConn) {
	io.Copy(c, c)
	c.CloseWrite()
}

// Sink reads to the end and closes.
func Sink(c *net.TCPConn) { io.Copy(io.Discard, c) }

// Greet sends a name, then does the same as Echo.
func Greet(name string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		io.WriteString(c, name+"\n")
		Echo(c)
	}
}

// Reset closes a connection so that its peer gets ECONNRESET (SO_LINGER 0).
func Reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

// Resetter answers one byte and resets at the second, so that the session is
// certainly relaying when it is cut.
func Resetter(c *net.TCPConn) {
	one := make([]byte, 1)
	for range 2 {
		if _, err := io.ReadFull(c, one); err != nil {
			return
		}
		c.Write(one)
	}
	Reset(c)
}

// Refusing is an address on which no process listens.
func Refusing(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", FreePort(t))
}

// Silent is an address whose backlog is full, so that a connect gets no answer
// at all, until Open starts a real backend on the port.
type Silent struct {
	t       testing.TB
	fd      int
	Port    int
	fillers []int
}

// ListenSilent returns a silent address, until the test ends.
func ListenSilent(t testing.TB) *Silent {
	t.Helper()
	s := &Silent{t: t, Port: FreePort(t)}
	at := &syscall.SockaddrInet4{Port: s.Port, Addr: [4]byte{127, 0, 0, 1}}
	must := func(err error) {
		if err != nil {
			t.Fatal("silent target: ", err)
		}
	}
	var err error
	s.fd, err = Socket()
	must(err)
	t.Cleanup(s.close)
	must(syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	must(syscall.Bind(s.fd, at))
	must(syscall.Listen(s.fd, 0))
	for range 4 {
		fd, err := Socket()
		must(err)
		must(syscall.SetNonblock(fd, true))
		s.fillers = append(s.fillers, fd)
		syscall.Connect(fd, at)
	}
	if c, err := net.DialTimeout("tcp", s.Addr(), 200*time.Millisecond); err == nil {
		c.Close()
		t.Fatal("silent target: it answers")
	}
	return s
}

// Socket returns a close-on-exec socket: if a program that is started meanwhile held a
// listener, the port would stay open after the close here.
func Socket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err
}

// Addr is the address that gives no answer.
func (s *Silent) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

func (s *Silent) close() {
	syscall.ForkLock.RLock() // see Backend.Close
	defer syscall.ForkLock.RUnlock()
	for _, fd := range append(s.fillers, s.fd) {
		syscall.Close(fd)
	}
	s.fillers, s.fd = nil, -1
}

// Open replaces the silence with a backend on the same port.
func (s *Silent) Open(handle func(*net.TCPConn)) *Backend {
	s.t.Helper()
	s.close()
	return Serve(s.t, s.Addr(), handle)
}

// ThreeTargets starts targets that send their names: a, b, c.
func ThreeTargets(t *testing.T) (addrs []string) {
	for _, n := range []string{"a", "b", "c"} {
		addrs = append(addrs, Serve(t, Anywhere, Greet(n)).Addr())
	}
	return addrs
}

// TargetOrder is which targets answer n sessions, one after another.
func TargetOrder(t *testing.T, p *Plug, n int) string {
	t.Helper()
	var b strings.Builder
	for range n {
		b.WriteString(Greeting(t, "", p.Addr()))
	}
	return b.String()
}
