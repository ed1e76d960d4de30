// Tests that a plug that starts can really serve.

package test

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// With the fewest descriptors, a plug serves in every mode, or it is refused
// with the limit's name: it never reports that it serves without having a
// worker.
func TestPoolDescriptors(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{12, 20, 24, 32, 36, 40} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := harness.Prepare(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
				p.Daemon = true
				p.Launch(func(c *exec.Cmd) {
					c.Args = append([]string{"sh", "-c", `ulimit -n "$1" && shift && exec "$@"`, "sh", fmt.Sprint(limit)}, c.Args...)
					c.Path = harness.Program(t, "sh")
				})
				switch code := p.Wait(harness.ServeBound); {
				case code == 0 && p.Serves():
					c := harness.Dial(t, p.Addr())
					harness.MustPing(t, c)
					harness.Finish(c)
				case code != 4 || !strings.Contains(p.Errors(), fmt.Sprintf("RLIMIT_NOFILE %d", limit)):
					t.Errorf("exit code %d: %s", code, p.Errors())
				}
			})
		})
	}
}

// A plug serves all sockets with its name, in every mode, also after an upgrade.
// Its session lines then have that name.
func TestActivatedSockets(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Prepare(t, mode, "fd:plug", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		all := []*net.TCPListener{harness.ListenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.Port)), harness.ListenTCP(t, harness.Anywhere), harness.ListenTCP(t, harness.Anywhere)}
		p.Activate("plug", all...)
		p.AwaitServing()
		sessions := 0
		for range 2 {
			for range 3 {
				for _, l := range all {
					c := harness.Dial(t, l.Addr().String())
					harness.MustPing(t, c)
					if err := harness.Finish(c); err != nil {
						t.Error(err)
					}
					sessions++
				}
			}
			p.Signal(unix.SIGUSR2)
			p.Succeeded()
		}
		for _, l := range p.Lines(sessions) {
			if l.Listen != "fd:plug" {
				t.Errorf("LISTEN is %q", l.Listen)
			}
		}
	})
}

// --backlog applies to a service manager's socket, too; without it, that
// socket keeps its own.
func TestBacklogOfAnInheritedSocket(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want uint32
	}{{[]string{"--backlog", "7"}, 7}, {nil, 50}} {
		p := harness.Prepare(t, "prefork", append(c.args, "fd:plug", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		l := harness.ListenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.Port))
		conn, err := l.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		backlog := func() (n uint32) { // of a listener (tcp(7), tcpi_sacked)
			conn.Control(func(fd uintptr) {
				if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
					n = info.Sacked
				}
			})
			return n
		}
		conn.Control(func(fd uintptr) { unix.Listen(int(fd), 50) })
		p.Activate("plug", l)
		p.AwaitServing()
		if n := backlog(); n != c.want {
			t.Errorf("%v: backlog %d, want %d", c.args, n, c.want)
		}
	}
}

// If an address appears shortly after the start, as at boot, the plug waits
// for it. With --freebind the plug serves before it exists.
func TestAddressAppears(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	ip := harness.Program(t, "ip")
	appear := func(t *testing.T, addr string) {
		t.Helper()
		if out, err := exec.Command(ip, "addr", "add", addr+"/32", "dev", "lo").CombinedOutput(); err != nil {
			t.Skipf("ip addr add: %v: %s", err, out)
		}
	}
	served := func(t *testing.T, p *harness.Plug, addr string) {
		t.Helper()
		c := harness.Dial(t, fmt.Sprintf("%s:%d", addr, p.Port))
		harness.MustPing(t, c)
		harness.Finish(c)
	}
	t.Run("waited for", func(t *testing.T) {
		const addr = "10.9.8.1"
		p := harness.Prepare(t, "prefork", addr+":{port}", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		p.Daemon = true
		p.Launch()
		if harness.HoldsWithin(500*time.Millisecond, p.HasExited) {
			t.Fatalf("it does not wait: exit code %d: %s", p.Code(), p.Errors())
		}
		appear(t, addr)
		if code := p.Wait(harness.ServeBound); code != 0 || !p.Serves() {
			t.Fatalf("exit code %d: %s", code, p.Errors())
		}
		served(t, p, addr)
	})
	t.Run("freebind", func(t *testing.T) {
		const addr = "10.9.8.2"
		p := harness.StartDaemon(t, "prefork", "--freebind", addr+":{port}", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		appear(t, addr)
		served(t, p, addr)
	})
	t.Run("never there", func(t *testing.T) {
		p := harness.Prepare(t, "prefork", "10.9.8.3:{port}", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		p.Launch()
		if code := p.Wait(harness.ServeBound); code != 4 || !strings.Contains(p.Errors(), "not an address of this host; use --freebind") {
			t.Errorf("exit code %d: %s", code, p.Errors())
		}
	})
}
