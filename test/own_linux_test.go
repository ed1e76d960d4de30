// Tests of connections to the plug itself, and of missing ports and addresses.

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// fewPorts leaves n ephemeral ports to this network namespace, starting with
// first.
func fewPorts(t *testing.T, first, n int) {
	t.Helper()
	text := fmt.Appendf(nil, "%d %d", first, first+n-1)
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", text, 0o644); err != nil {
		t.Skipf("ip_local_port_range of its own: %v", err)
	}
}

// clientPorts are ports for clients, outside the ephemeral range.
type clientPorts int

func (c *clientPorts) dial(t *testing.T, to string) *net.TCPConn {
	t.Helper()
	*c++
	conn, err := harness.DialPort(int(*c), to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// The target is at an ephemeral port of this host on which no process listens.
// The kernel may choose that very port for a connect, which then connects to
// itself: no client may get its own bytes back, and the server must still be
// able to bind its port.
func TestSelfConnect(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	const first, clients = 40000, 60
	port := clientPorts(50000)
	for i, mode := range harness.Modes {
		fewPorts(t, first+10*i, 10) // the kernel first uses every second one
		target := fmt.Sprintf("127.0.0.1:%d", first+10*i+4)
		t.Run(mode, func(t *testing.T) {
			p := harness.Start(t, mode, append(harness.TightArgs(mode), target)...)
			for n := range clients {
				if c := port.dial(t, p.Addr()); harness.Ping(c) == nil {
					t.Fatalf("client %d gets its own byte back", n)
				}
			}
			b := harness.Serve(t, target, harness.Echo) // fails if another process has the port
			harness.Await(t, "a session with the server", backWithin, func() bool {
				c := port.dial(t, p.Addr())
				return harness.Ping(c) == nil && harness.Finish(c) == nil
			})
			b.Close()
		})
	}
}

// A target that is the plug itself is refused if that can be recognized.
func TestOwnTargetIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"{port}", "127.0.0.1"},
		{"{port}", "127.0.0.1:{port}"},
		{"{port}", "0.0.0.0:{port}"},
		{"127.0.0.1:{port}", "127.0.0.2:9", "127.0.0.1:{port}"},
		{"*:{port}", "[::1]:{port}"},
		{"-h", "127.0.0.1:{port}", "{port}", "news.example:119"},
	} {
		for _, check := range []bool{true, false} {
			p := harness.Prepare(t, "prefork", slices.Clone(args)...)
			if check {
				p.Args = append(p.Args, "--check")
			}
			p.Launch()
			if code := p.Wait(harness.ServeBound); code != 5 || !strings.Contains(p.Errors(), "this plug itself listens there") {
				t.Errorf("%q: exit code %d, said %q", p.Args, code, p.Errors())
			}
		}
	}
	for _, args := range [][]string{ // another address or port belongs to another listener
		{"127.0.0.1:{port}", "127.0.0.2:{port}"},
		{"{port}", "[::1]:{port}"},
		{"{port}", "127.0.0.1:9"},
		{"{port}", "192.0.2.1:{port}"},
	} {
		p := harness.Prepare(t, "prefork", append(args, "--check")...)
		p.Launch()
		if code := p.Wait(harness.ServeBound); code != 0 {
			t.Errorf("%q: exit code %d, said %q", p.Args, code, p.Errors())
		}
	}
	t.Run("a service manager's socket", func(t *testing.T) {
		p := harness.Prepare(t, "prefork", "fd:plug", "127.0.0.1:{port}")
		p.Activate("plug", harness.ListenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.Port)))
		if code := p.Wait(harness.ServeBound); code != 4 || !strings.Contains(p.Errors(), "this plug itself listens there") {
			t.Errorf("exit code %d, said %q", code, p.Errors())
		}
	})
}

// The target's address moves to this host while the plug runs: from then on
// the target is the plug itself. A client gets the other target, or is turned
// away, and uses only a few workers.
func TestOwnTarget(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	ip := harness.Program(t, "ip")
	for i, mode := range harness.Modes {
		t.Run(mode, func(t *testing.T) {
			own := fmt.Sprintf("10.9.9.%d", i+1)
			p := harness.Start(t, mode, append(harness.TightArgs(mode), harness.WithControl("{port}", own+":{port}")...)...)
			if out, err := exec.Command(ip, "addr", "add", own+"/32", "dev", "lo").CombinedOutput(); err != nil {
				t.Skipf("ip addr add: %v: %s", err, out)
			}
			for range 3 {
				c := harness.Dial(t, p.Addr())
				if err := harness.Ping(c); err == nil {
					t.Error("an echo, though there is no target")
				}
			}
			harness.Await(t, "the end of all sessions", harness.NormalWait, func() bool { return p.Asks("status", nil).Status.Sessions == 0 })
			if s := p.Asks("status", nil).Status; s.Accepted > 40 {
				t.Errorf("three clients have made %d sessions", s.Accepted)
			}
			if !strings.Contains(p.Errors(), "it is this plug itself") {
				t.Errorf("said %q", p.Errors())
			}
		})
	}
}

// Local ports are per target address: if none is left for one target, a client
// gets the other target, and the first one is not marked failed.
func TestNoLocalPort(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	fewPorts(t, 40000, 10)
	port := clientPorts(50000)
	for i, mode := range harness.Modes {
		t.Run(mode, func(t *testing.T) {
			at := 30000 + i
			one := harness.Serve(t, fmt.Sprintf("127.0.0.1:%d", at), harness.Greet("one"))
			two := harness.Serve(t, fmt.Sprintf("127.0.0.2:%d", at), harness.Greet("two"))
			p := harness.Start(t, mode, append(harness.TightArgs(mode), harness.WithControl("-o", one.Addr(), two.Addr())...)...)
			count := map[string]int{}
			for range 15 {
				c := port.dial(t, p.Addr())
				said := make([]byte, 4)
				if _, err := c.Read(said); err != nil {
					t.Fatalf("after %v: %v", count, err)
				}
				count[strings.TrimSpace(string(said))]++
			}
			if count["one"] != 10 || count["two"] != 5 {
				t.Errorf("sessions %v, want 10 and 5", count)
			}
			for _, target := range p.Asks("targets", nil).Targets {
				if target.State != "good" {
					t.Errorf("%+v", target)
				}
			}
			if !strings.Contains(p.Errors(), "net.ipv4.ip_local_port_range 40000 40009") {
				t.Errorf("said %q", p.Errors())
			}
		})
	}
}

// If this host has no IPv6, the error says that, not that ports are missing;
// the target is marked failed, and the next one serves.
func TestNoIPv6(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0o644); err != nil {
		t.Skipf("disable_ipv6 of its own: %v", err)
	}
	for _, mode := range harness.Modes {
		t.Run(mode, func(t *testing.T) {
			b := harness.Serve(t, harness.Anywhere, harness.Greet("v4"))
			p := harness.Start(t, mode, append(harness.TightArgs(mode), harness.WithControl("-o", "[::1]:30000", b.Addr())...)...)
			for range 3 {
				if got := harness.Greeting(t, "", p.Addr()); got != "v4" {
					t.Fatalf("a client gets %q", got)
				}
			}
			targets := p.Asks("targets", nil).Targets
			if targets[0].State != "failed" || targets[0].Failures != 1 || targets[1].State != "good" {
				t.Errorf("targets %+v", targets)
			}
			if said := p.Errors(); strings.Count(said, "[ERROR]") != 1 || !strings.Contains(said, "Address family not supported") || strings.Contains(said, "port_range") {
				t.Errorf("said %q", said)
			}
		})
	}
}
