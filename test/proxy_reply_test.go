// Tests of HTTP proxies with unusual, wrong or endless replies.

package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// actor is a proxy that reads the request and then plays the current act, so
// that one plug meets many proxies.
type actor struct {
	*backend
	act atomic.Pointer[func(*net.TCPConn)]
}

func serveActor(t testing.TB) *actor {
	t.Helper()
	a := &actor{}
	a.backend = serve(t, anywhere, func(c *net.TCPConn) {
		readHead(c)
		(*a.act.Load())(c)
	})
	return a
}

func (a *actor) becomes(act func(*net.TCPConn)) { a.act.Store(&act) }

// forget discards the plug's records so far.
func (p *plug) forget() {
	p.t.Helper()
	if err := os.Truncate(p.sessions, 0); err != nil {
		p.t.Fatal(err)
	}
	p.syslog.mu.Lock()
	defer p.syslog.mu.Unlock()
	p.syslog.records = nil
}

// Replies that are unusual, but valid: the relay starts just after the empty
// line.
func TestConnectReplies(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n"
	glued := strings.Repeat("glued behind the headers ", 1000)
	forEachMode(t, func(t *testing.T, mode string) {
		proxy := serveActor(t)
		p := start(t, mode, "-h", proxy.addr(), "192.0.2.7:119")
		for name, c := range map[string]struct {
			reply []string // written one by one
			data  string   // the part that belongs to the client
		}{
			"plain":         {[]string{ok}, ""},
			"glued":         {[]string{ok + glued}, glued},
			"byte by byte":  {strings.Split(ok+"data", ""), "data"},
			"bare newlines": {[]string{"HTTP/1.0 200 OK\n\ndata"}, "data"},
			"split newline": {[]string{"HTTP/1.1 200 OK\r\n\r", "\n", "data"}, "data"},
			"no reason":     {[]string{"HTTP/1.1 200\r\n\r\n"}, ""},
			"data like a head": {[]string{"HTTP/1.1 200 OK\r\n\r\n\r\n\r\nHTTP/1.1 407 No\r\n\r\n"},
				"\r\n\r\nHTTP/1.1 407 No\r\n\r\n"},
		} {
			t.Run(name, func(t *testing.T) {
				proxy.becomes(func(conn *net.TCPConn) {
					for _, piece := range c.reply {
						io.WriteString(conn, piece)
						passed(time.Millisecond) // in a separate packet
					}
					echo(conn)
				})
				client := dial(t, p.addr())
				// What the client sends early must reach the target, but only
				// after the negotiation.
				io.WriteString(client, "early")
				client.CloseWrite()
				got, err := io.ReadAll(client)
				if want := c.data + "early"; err != nil || string(got) != want {
					t.Errorf("client reads %.60q (%d bytes), %v; want %.60q (%d bytes)", got, len(got), err, want, len(want))
				}
				if l := p.lines(1)[0]; l.in != 5 || l.out != int64(len(c.data)+5) {
					t.Errorf("session line %+v", l)
				}
				p.forget()
			})
		}
	})
}

// Proxies that refuse, or are not proxies: the client is disconnected, with
// status 4 and the reason; nothing waits without a limit, and nothing
// overflows.
func TestHostileProxies(t *testing.T) {
	t.Parallel()
	say := func(text string) func(*net.TCPConn) {
		return func(c *net.TCPConn) {
			io.WriteString(c, text)
			sink(c)
		}
	}
	forEachMode(t, func(t *testing.T, mode string) {
		proxy := serveActor(t)
		p := startDaemon(t, mode, "-l", "--connect-timeout", "500ms", "-h", proxy.addr(), "192.0.2.7:119")
		p.syslog.await(t, `.* started\.`)
		p.forget()
		for name, c := range map[string]struct {
			act    func(*net.TCPConn)
			reason string // in the error record
		}{
			"407":                {say("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"), ".*407.*"},
			"403 with a body":    {say("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way"), ".*403.*"},
			"silence":            {sink, ".+"},
			"silence after 200":  {say("HTTP/1.1 200 OK\r\n"), ".+"},
			"64 KiB header line": {say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), ".+"},
			"64 KiB status line": {say("HTTP/1.1 200 " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), ".+"},
			"endless headers":    {endless("HTTP/1.1 200 OK\r\n", "X: y\r\n"), ".+"},
			"another protocol":   {say("220 mail.example ESMTP\r\n\r\n"), ".+"},
			"binary":             {say("\x00\xff\xfe\r\n\r\n"), ".+"},
			"hangs up":           {func(*net.TCPConn) {}, ".+"},
			"hangs up half way":  {func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 2") }, ".+"},
			"status 2000":        {say("HTTP/1.1 2000 OK\r\n\r\n"), ".+"},
			"resets":             {reset, ".+"},
		} {
			t.Run(name, func(t *testing.T) {
				proxy.becomes(c.act)
				client := dial(t, p.addr())
				began := time.Now()
				if got, _ := io.ReadAll(client); len(got) > 0 {
					t.Errorf("the client gets %.80q", got)
				}
				if d := time.Since(began); d > 4*time.Second {
					t.Errorf("the client was let go after %v", d)
				}
				l := p.lines(1)[0]
				if l.target != proxy.addr() || l.out != 0 {
					t.Errorf("session line %+v", l)
				}
				r := p.syslog.await(t, fmt.Sprintf(`\(%d\): .+: %s`, p.port, c.reason))
				if r.priority != daemonErr || r.pid != l.pid {
					t.Errorf("%v: want priority %d and PID %d", r, daemonErr, l.pid)
				}
				p.syslog.await(t, fmt.Sprintf(`\(%d\): Complete, status=4\.`, p.port))
				p.forget()
			})
		}
	})
}

// endless sends a text, then another one again and again.
func endless(first, again string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		io.WriteString(c, first)
		for {
			if _, err := io.WriteString(c, again); err != nil {
				return
			}
		}
	}
}
