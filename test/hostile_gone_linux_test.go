// Tests of peers that vanish without closing.

package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// vanish closes a socket without notifying its peer, like a host that loses
// its power (tcp(7) TCP_REPAIR: such a socket is closed silently).
func vanish(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) })
	if err != nil {
		t.Skipf("TCP_REPAIR: %v", err)
	}
	c.Close()
}

// Half-open: one end has vanished. The plug learns it, as a reset, when it
// sends to it.
func TestHostileHalfOpen(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		k := harness.ServeTaker(t)
		p := harness.Start(t, mode, append(harness.TightArgs(mode), k.Addr())...)
		for i, who := range []string{"client", "target"} {
			client, target := k.Session(t, p)
			gone, left := client, target
			if who == "target" {
				gone, left = target, client
			}
			vanish(t, gone)
			left.SetDeadline(time.Now().Add(5 * time.Second))
			left.Write([]byte{'.'})
			if _, err := io.ReadAll(left); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the %s has gone, the other side reads %v, not a reset", who, err)
			}
			p.Lines(i + 1)
		}
	})
}

// With -k no data is needed: the kernel probes. The times are set in a network
// namespace.
func TestHostileKeepalive(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	for name, value := range map[string]string{"time": "1", "intvl": "1", "probes": "2"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/tcp_keepalive_"+name, []byte(value), 0o644); err != nil {
			t.Skip(err)
		}
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		k := harness.ServeTaker(t)
		args := append(harness.TightArgs(mode), "-l", k.Addr())
		without, with := harness.Start(t, mode, args...), harness.Start(t, mode, append(args, "-k")...)
		for _, p := range []*harness.Plug{without, with} {
			client, _ := k.Session(t, p)
			vanish(t, client)
			_, target := k.Session(t, p)
			vanish(t, target)
		}
		with.Lines(2)
		with.Syslog.Await(t, fmt.Sprintf(`\(%d\): Complete, status=3\.`, with.Port))
		if n := len(harness.ParseSessions(t, without.Sessions)); n != 0 {
			t.Errorf("without -k %d sessions have ended, too", n)
		}
		without.Signal(syscall.SIGINT)
		without.Gone(5 * time.Second)
	}, harness.InShort("pool", "prefork")...)
}
