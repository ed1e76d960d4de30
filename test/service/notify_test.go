// Tests of notifications to a service manager.

package service

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// notifySocket is a service manager's socket: it keeps the messages.
type notifySocket struct {
	t    *testing.T
	path string
	conn *net.UnixConn
	told []string
}

func (n *notifySocket) bind() {
	n.t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.path, Net: "unixgram"})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	n.conn, n.told = conn, nil
}

func (n *notifySocket) unbind() {
	n.conn.Close()
	os.Remove(n.path)
}

// awaits reads until a message begins with this text, and returns that
// message.
func (n *notifySocket) awaits(begin string) string {
	n.t.Helper()
	n.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for p := make([]byte, 1000); ; {
		m, err := n.conn.Read(p)
		if err != nil {
			n.t.Fatalf("waiting for %s: %v; told %q", begin, err, n.told)
		}
		n.told = append(n.told, string(p[:m]))
		if strings.HasPrefix(string(p[:m]), begin) {
			return string(p[:m])
		}
	}
}

// extended is the time that a message requests.
func extended(message string) time.Duration {
	_, usec, _ := strings.Cut(message, "\nEXTEND_TIMEOUT_USEC=")
	n, _ := strconv.Atoi(usec)
	return time.Duration(n) * time.Microsecond
}

// notified starts a plug under a service manager.
func notified(t *testing.T, args ...string) (*harness.Plug, *notifySocket) {
	t.Helper()
	p := harness.Prepare(t, "prefork", append([]string{"-n"}, args...)...)
	n := &notifySocket{t: t, path: filepath.Join(p.Dir, "notify")}
	n.bind()
	p.Launch(func(c *exec.Cmd) {
		c.Env = append(os.Environ(), "NOTIFY_SOCKET="+n.path, "WATCHDOG_USEC=400000")
	})
	n.awaits("READY=1")
	harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
	return p, n
}

// A drain asks the service manager for its own time plus 2 s; a drain without
// a limit asks repeatedly.
func TestDrainExtendsTheStop(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo)
	for name, c := range map[string]struct {
		args []string
		most time.Duration
	}{
		"limit":  {[]string{"--drain-timeout", "50s"}, 52 * time.Second},
		"no end": {nil, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p, n := notified(t, append(c.args, target.Addr())...)
			held := harness.Hold(t, p, 1)
			p.Signal(syscall.SIGQUIT)
			for range 2 {
				if asked := extended(n.awaits("STOPPING=1")); asked <= c.most-harness.NormalWait || asked > c.most {
					t.Errorf("it asks for %v, not about %v", asked, c.most)
				}
			}
			n.awaits("WATCHDOG=1") // a manager may expect it until the end
			harness.Finish(held[0])
			p.Wait(5 * time.Second)
		})
	}
}

// If the notify socket is bound again, the plug finds it and sends the
// service's state.
func TestNotifySocketIsFoundAgain(t *testing.T) {
	t.Parallel()
	p, n := notified(t, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	n.awaits("WATCHDOG=1")
	n.unbind()
	n.bind()
	n.awaits("WATCHDOG=1")
	if n.told[0] != "READY=1" {
		t.Errorf("the new manager hears first: %q", n.told)
	}
	p.Stop()
}
