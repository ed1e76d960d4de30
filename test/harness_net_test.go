package test

import (
	"fmt"
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

// timerKeepalive is what runs on an idle socket with SO_KEEPALIVE (the column
// tr, proc_net_tcp.txt).
const timerKeepalive = "02"

// tcpSocket is a row of /proc/net/tcp or tcp6.
type tcpSocket struct {
	localPort, remotePort int
	state, timer          string
}

func tcpSockets(t testing.TB) []tcpSocket {
	t.Helper()
	var all []tcpSocket
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[0] == "sl" {
				continue
			}
			s := tcpSocket{state: f[3], timer: f[5][:2]}
			fmt.Sscanf(f[1][strings.IndexByte(f[1], ':')+1:], "%x", &s.localPort)
			fmt.Sscanf(f[2][strings.IndexByte(f[2], ':')+1:], "%x", &s.remotePort)
			all = append(all, s)
		}
	}
	return all
}

// listening tells whether something listens on the port.
func listening(t testing.TB, port int) bool {
	t.Helper()
	for _, s := range tcpSockets(t) {
		if s.localPort == port && s.state == stateListen {
			return true
		}
	}
	return false
}

var ports = struct {
	sync.Mutex
	next int
}{next: 10000 + rand.IntN(20000)}

// freePort is a port that nothing uses, below the ephemeral ones, so that no
// outgoing connection can take it, or connect to itself, before it is bound.
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
