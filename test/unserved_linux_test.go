// Tests that a plug that starts can really serve.

package test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// With the fewest descriptors, a plug serves in every mode, or it is refused
// with the limit's name: it never reports that it serves without having a
// worker.
func TestPoolDescriptors(t *testing.T) {
	for _, limit := range []int{12, 20, 24, 32, 36, 40} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := prepare(t, mode, serve(t, anywhere, echo).addr())
				p.daemon = true
				p.launch(func(c *exec.Cmd) {
					c.Args = append([]string{"sh", "-c", `ulimit -n "$1" && shift && exec "$@"`, "sh", fmt.Sprint(limit)}, c.Args...)
					c.Path = program(t, "sh")
				})
				switch code := p.wait(serveBound); {
				case code == 0 && p.serves():
					c := dial(t, p.addr())
					mustPing(t, c)
					finish(c)
				case code != 4 || !strings.Contains(p.errors(), fmt.Sprintf("RLIMIT_NOFILE %d", limit)):
					t.Errorf("exit code %d: %s", code, p.errors())
				}
			})
		})
	}
}

// Two sockets with one name: clients of the second one would wait forever.
func TestActivatedTwice(t *testing.T) {
	p := prepare(t, "prefork", "fd:plug", serve(t, anywhere, echo).addr())
	p.activate("plug", listenTCP(t, anywhere), listenTCP(t, anywhere))
	if code := p.wait(serveBound); code != 4 || !strings.Contains(p.errors(), "2 sockets with this name") {
		t.Errorf("exit code %d: %s", code, p.errors())
	}
}

// --backlog applies to a service manager's socket, too; without it, that
// socket keeps its own.
func TestBacklogOfAnInheritedSocket(t *testing.T) {
	for _, c := range []struct {
		args []string
		want uint32
	}{{[]string{"--backlog", "7"}, 7}, {nil, 50}} {
		p := prepare(t, "prefork", append(c.args, "fd:plug", serve(t, anywhere, echo).addr())...)
		l := listenTCP(t, fmt.Sprintf("127.0.0.1:%d", p.port))
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
		p.activate("plug", l)
		await(t, "the plug to serve", serveBound, p.serves)
		if n := backlog(); n != c.want {
			t.Errorf("%v: backlog %d, want %d", c.args, n, c.want)
		}
	}
}

// If an address appears shortly after the start, as at boot, the plug waits
// for it. With --freebind the plug serves before it exists.
func TestAddressAppears(t *testing.T) {
	t.Parallel()
	if !ownNet(t) {
		return
	}
	ip := program(t, "ip")
	appear := func(t *testing.T, addr string) {
		t.Helper()
		if out, err := exec.Command(ip, "addr", "add", addr+"/32", "dev", "lo").CombinedOutput(); err != nil {
			t.Skipf("ip addr add: %v: %s", err, out)
		}
	}
	served := func(t *testing.T, p *plug, addr string) {
		t.Helper()
		c := dial(t, fmt.Sprintf("%s:%d", addr, p.port))
		mustPing(t, c)
		finish(c)
	}
	t.Run("waited for", func(t *testing.T) {
		const addr = "10.9.8.1"
		p := prepare(t, "prefork", addr+":{port}", serve(t, anywhere, echo).addr())
		p.daemon = true
		p.launch()
		if holdsWithin(500*time.Millisecond, p.hasExited) {
			t.Fatalf("it does not wait: exit code %d: %s", p.code(), p.errors())
		}
		appear(t, addr)
		if code := p.wait(serveBound); code != 0 || !p.serves() {
			t.Fatalf("exit code %d: %s", code, p.errors())
		}
		served(t, p, addr)
	})
	t.Run("freebind", func(t *testing.T) {
		const addr = "10.9.8.2"
		p := startDaemon(t, "prefork", "--freebind", addr+":{port}", serve(t, anywhere, echo).addr())
		appear(t, addr)
		served(t, p, addr)
	})
	t.Run("never there", func(t *testing.T) {
		p := prepare(t, "prefork", "10.9.8.3:{port}", serve(t, anywhere, echo).addr())
		p.launch()
		if code := p.wait(serveBound); code != 4 || !strings.Contains(p.errors(), "not an address of this host; use --freebind") {
			t.Errorf("exit code %d: %s", code, p.errors())
		}
	})
}
