// Harness: the sockets in /proc/net/tcp, and free ports.

package test

import (
	"bufio"
	"fmt"
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
	stateEstablished = "01"
	stateListen      = "0A"
)

// timerKeepalive is the timer of an idle socket with SO_KEEPALIVE (the column
// tr, proc_net_tcp.txt).
const timerKeepalive = "02"

// tcpSocket is a row of /proc/net/tcp or tcp6.
type tcpSocket struct {
	localPort, remotePort int
	state, timer          string
}

func tcpSockets(t testing.TB) (all []tcpSocket) {
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
func eachTCPSocket(t testing.TB, name string) iter.Seq[tcpSocket] {
	return func(yield func(tcpSocket) bool) {
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
			s := tcpSocket{state: f[3], timer: f[5][:2]}
			fmt.Sscanf(f[1][strings.IndexByte(f[1], ':')+1:], "%x", &s.localPort)
			fmt.Sscanf(f[2][strings.IndexByte(f[2], ':')+1:], "%x", &s.remotePort)
			if !yield(s) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// listening reports whether a process listens on the port. The kernel lists
// the listeners first (net/ipv4/tcp_ipv4.c, tcp_seq_next).
func listening(t testing.TB, port int) bool {
	t.Helper()
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for s := range eachTCPSocket(t, name) {
			if s.state != stateListen {
				break
			}
			if s.localPort == port {
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

// freePort returns an unused port below the ephemeral ones, so that no
// outgoing connection can use it, or connect to itself, before it is bound.
func freePort(t testing.TB) int {
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
