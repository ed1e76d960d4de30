// Harness: the sockets in /proc/net/tcp, and free ports.

package harness

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// States of a socket in /proc/net/tcp (include/net/tcp_states.h).
const (
	StateEstablished = "01"
	stateListen      = "0A"
)

// TimerKeepalive is the timer of an idle socket with SO_KEEPALIVE (the column
// tr, proc_net_tcp.txt).
const TimerKeepalive = "02"

// TCPSocket is a row of /proc/net/tcp or tcp6.
type TCPSocket struct {
	LocalPort, RemotePort int
	State, Timer          string
}

// TCPSockets returns all TCP sockets of this network namespace.
func TCPSockets(t testing.TB) (all []TCPSocket) {
	t.Helper()
	for s := range eachTCPSocket(t, "/proc/net/tcp") {
		all = append(all, s)
	}
	for s := range eachTCPSocket(t, "/proc/net/tcp6") {
		all = append(all, s)
	}
	return all
}

// eachTCPSocket yields the rows of a file of /proc as it reads them, so that a
// caller that only needs the first ones does not pay for the thousands of a
// busy test.
func eachTCPSocket(t testing.TB, name string) iter.Seq[TCPSocket] {
	return func(yield func(TCPSocket) bool) {
		f, err := os.Open(name)
		if os.IsNotExist(err) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			f := strings.Fields(lines.Text())
			if len(f) < 10 || f[0] == "sl" {
				continue
			}
			s := TCPSocket{State: f[3], Timer: f[5][:2]}
			fmt.Sscanf(f[1][strings.IndexByte(f[1], ':')+1:], "%x", &s.LocalPort)
			fmt.Sscanf(f[2][strings.IndexByte(f[2], ':')+1:], "%x", &s.RemotePort)
			if !yield(s) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// Listening reports whether a process listens on the port. The kernel lists
// the listeners first (net/ipv4/tcp_ipv4.c, tcp_seq_next).
func Listening(t testing.TB, port int) bool {
	t.Helper()
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for s := range eachTCPSocket(t, name) {
			if s.State != stateListen {
				break
			}
			if s.LocalPort == port {
				return true
			}
		}
	}
	return false
}

var ports = struct {
	sync.Mutex
	next int
}{next: 10000 + rand.IntN(20000)}

// FreePort returns an unused port below the ephemeral ones, so that no
// outgoing connection can use it, or connect to itself, before it is bound.
func FreePort(t testing.TB) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range 1000 {
		if ports.next++; ports.next >= 32000 {
			ports.next = 10000
		}
		ln, err := net.Listen("tcp", fmt.Sprintf(":%d", ports.next))
		if err != nil {
			continue
		}
		ln.Close()
		return ports.next
	}
	t.Fatal("no free port between 10000 and 32000")
	return 0
}

// listener is "socket:[INODE]" of the listener on an IPv4 port, or "". It is
// faster than listening: the kernel lists listeners first, so the rest, tens
// of thousands of ended connections on a busy machine, need not be read.
func listener(port int) string {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 64<<10))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 9 && f[3] == stateListen && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			return "socket:[" + f[9] + "]"
		}
	}
	return ""
}

// Opened reports whether a process listens on an IPv4 port.
func Opened(port int) bool { return listener(port) != "" }

// LowPort is a free port that only privileged users may bind.
func LowPort(t testing.TB) int {
	t.Helper()
	for port := 1023; port > 600; port-- {
		if ln, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatal("no free port below 1024")
	return 0
}

// ListenTCP returns a listener whose socket stays open, like a service
// manager's.
func ListenTCP(t testing.TB, addr string) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}
