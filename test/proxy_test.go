// Tests with an HTTP proxy (tinyproxy), and of the CONNECT request.

package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

func TestThroughTinyproxy(t *testing.T) {
	t.Parallel()
	harness.Program(t, "tinyproxy")
	port := harness.FreePort(t)
	conf := filepath.Join(harness.OpenDir(t), "conf")
	text := fmt.Sprintf("Port %d\nListen 127.0.0.1\nTimeout 60\nMaxClients 200\n", port)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	harness.Daemonize(t, port, "tinyproxy", "-d", "-c", conf)
	proxy := fmt.Sprintf("127.0.0.1:%d", port)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		b := harness.Serve(t, harness.Anywhere, harness.Echo)
		for i, target := range []string{b.Addr(), fmt.Sprintf("localhost:%d", b.Port)} {
			p := harness.Start(t, mode, "-l", "-h", proxy, target)
			const n = 1 << 20
			c := harness.Dial(t, p.Addr())
			// This proxy would treat a half-close as a close.
			harness.Both(t,
				func() error { _, err := io.CopyN(c, harness.Stream(uint64(i)), n); return err },
				func() error { _, err := io.CopyN(harness.NewChecker(uint64(i)), c, n); return err })
			harness.Finish(c)
			if l := p.Lines(1)[0]; l.Target != proxy || l.In != n || l.Out != n {
				t.Errorf("session line %+v; its target has to be the proxy's %s", l, proxy)
			}
			p.Syslog.Await(t, fmt.Sprintf(`\(%d\): Complete\.`, p.Port))
		}
		down := harness.Start(t, mode, "-h", proxy, harness.Refusing(t))
		if got := harness.Greeting(t, "", down.Addr()); got != "" {
			t.Errorf("somebody answers: %q", got)
		}
	})
}

// The request is as in ORIGINAL, plus the Host header that was missing there.
func TestConnectRequest(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		heads := make(chan string, 3)
		proxy := harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
			heads <- readHead(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			harness.Echo(c)
		})
		for target, want := range map[string]string{
			"192.0.2.7:119":     "192.0.2.7:119",
			"news.example:119":  "news.example:119",
			"[2001:db8::7]:119": "[2001:db8::7]:119",
		} {
			p := harness.Start(t, mode, "-h", proxy.Addr(), target)
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			head := <-heads
			lines := strings.Split(head, "\r\n")
			if lines[0] != "CONNECT "+want+" HTTP/1.1" || !strings.HasSuffix(head, "\r\n\r\n") ||
				!strings.Contains(strings.ToLower(head), "\r\nhost: "+want+"\r\n") {
				t.Errorf("request %q", head)
			}
			harness.Finish(c)
			p.Stop()
		}
	})
}

// readHead reads an HTTP head including its empty line.
func readHead(c *net.TCPConn) string {
	var head []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(head), "\r\n\r\n") {
		if _, err := c.Read(one); err != nil {
			break
		}
		head = append(head, one[0])
	}
	return string(head)
}
