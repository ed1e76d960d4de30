// Tests with an HTTP proxy (tinyproxy), and of the CONNECT request.

package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// daemonize starts a peer program until the test ends, and waits until it
// listens on the port.
func daemonize(t testing.TB, port int, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(openDir(t), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(program(t, name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(3 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
	if !holdsWithin(longWait, func() bool { return listening(t, port) }) {
		t.Fatalf("%s does not serve: %s", name, readString(log.Name()))
	}
}

func TestThroughTinyproxy(t *testing.T) {
	t.Parallel()
	program(t, "tinyproxy")
	port := freePort(t)
	conf := filepath.Join(openDir(t), "conf")
	text := fmt.Sprintf("Port %d\nListen 127.0.0.1\nTimeout 60\nMaxClients 200\n", port)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	daemonize(t, port, "tinyproxy", "-d", "-c", conf)
	proxy := fmt.Sprintf("127.0.0.1:%d", port)
	forEachMode(t, func(t *testing.T, mode string) {
		b := serve(t, anywhere, echo)
		for i, target := range []string{b.addr(), fmt.Sprintf("localhost:%d", b.port)} {
			p := start(t, mode, "-l", "-h", proxy, target)
			const n = 1 << 20
			c := dial(t, p.addr())
			// This proxy would treat a half-close as a close.
			both(t,
				func() error { _, err := io.CopyN(c, stream(uint64(i)), n); return err },
				func() error { _, err := io.CopyN(newChecker(uint64(i)), c, n); return err })
			finish(c)
			if l := p.lines(1)[0]; l.target != proxy || l.in != n || l.out != n {
				t.Errorf("session line %+v; its target has to be the proxy's %s", l, proxy)
			}
			p.syslog.await(t, fmt.Sprintf(`\(%d\): Complete\.`, p.port))
		}
		down := start(t, mode, "-h", proxy, refusing(t))
		if got := greeting(t, "", down.addr()); got != "" {
			t.Errorf("somebody answers: %q", got)
		}
	})
}

// The request is as in ORIGINAL, plus the Host header that was missing there.
func TestConnectRequest(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		heads := make(chan string, 3)
		proxy := serve(t, anywhere, func(c *net.TCPConn) {
			heads <- readHead(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			echo(c)
		})
		for target, want := range map[string]string{
			"192.0.2.7:119":     "192.0.2.7:119",
			"news.example:119":  "news.example:119",
			"[2001:db8::7]:119": "[2001:db8::7]:119",
		} {
			p := start(t, mode, "-h", proxy.addr(), target)
			c := dial(t, p.addr())
			mustPing(t, c)
			head := <-heads
			lines := strings.Split(head, "\r\n")
			if lines[0] != "CONNECT "+want+" HTTP/1.1" || !strings.HasSuffix(head, "\r\n\r\n") ||
				!strings.Contains(strings.ToLower(head), "\r\nhost: "+want+"\r\n") {
				t.Errorf("request %q", head)
			}
			finish(c)
			p.stop()
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
