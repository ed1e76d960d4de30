// Tests of HTTP proxies with unusual, wrong or endless replies.

package test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// actor is a proxy that reads the request and then plays the current act, so
// that one plug meets many proxies.
type actor struct {
	*harness.Backend
	act atomic.Pointer[func(*net.TCPConn)]
}

func serveActor(t testing.TB) *actor {
	t.Helper()
	a := &actor{}
	a.Backend = harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
		readHead(c)
		(*a.act.Load())(c)
	})
	return a
}

func (a *actor) becomes(act func(*net.TCPConn)) { a.act.Store(&act) }

// Replies that are unusual, but valid: the relay starts just after the empty
// line.
func TestConnectReplies(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n"
	glued := strings.Repeat("glued behind the headers ", 1000)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		proxy := serveActor(t)
		p := harness.Start(t, mode, "-h", proxy.Addr(), "192.0.2.7:119")
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
						harness.Passed(time.Millisecond) // in a separate packet
					}
					harness.Echo(conn)
				})
				client := harness.Dial(t, p.Addr())
				// What the client sends early must reach the target, but only
				// after the negotiation.
				io.WriteString(client, "early")
				client.CloseWrite()
				got, err := io.ReadAll(client)
				if want := c.data + "early"; err != nil || string(got) != want {
					t.Errorf("client reads %.60q (%d bytes), %v; want %.60q (%d bytes)", got, len(got), err, want, len(want))
				}
				if l := p.Lines(1)[0]; l.In != 5 || l.Out != int64(len(c.data)+5) {
					t.Errorf("session line %+v", l)
				}
				p.Forget()
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
			harness.Sink(c)
		}
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		proxy := serveActor(t)
		p := harness.StartDaemon(t, mode, "-l", "--connect-timeout", "500ms", "-h", proxy.Addr(), "192.0.2.7:119")
		p.Syslog.Await(t, `.* started\.`)
		p.Forget()
		for name, c := range map[string]struct {
			act    func(*net.TCPConn)
			reason string // in the error record
		}{
			"407":                {say("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"), ".*407.*"},
			"403 with a body":    {say("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way"), ".*403.*"},
			"silence":            {harness.Sink, ".+"},
			"silence after 200":  {say("HTTP/1.1 200 OK\r\n"), ".+"},
			"64 KiB header line": {say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), ".+"},
			"64 KiB status line": {say("HTTP/1.1 200 " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), ".+"},
			"endless headers":    {endless("HTTP/1.1 200 OK\r\n", "X: y\r\n"), ".+"},
			"another protocol":   {say("220 mail.example ESMTP\r\n\r\n"), ".+"},
			"binary":             {say("\x00\xff\xfe\r\n\r\n"), ".+"},
			"hangs up":           {func(*net.TCPConn) {}, ".+"},
			"hangs up half way":  {func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 2") }, ".+"},
			"status 2000":        {say("HTTP/1.1 2000 OK\r\n\r\n"), ".+"},
			"resets":             {harness.Reset, ".+"},
		} {
			t.Run(name, func(t *testing.T) {
				proxy.becomes(c.act)
				client := harness.Dial(t, p.Addr())
				began := time.Now()
				if got, _ := io.ReadAll(client); len(got) > 0 {
					t.Errorf("the client gets %.80q", got)
				}
				if d := time.Since(began); d > 4*time.Second {
					t.Errorf("the client was let go after %v", d)
				}
				l := p.Lines(1)[0]
				if l.Target != proxy.Addr() || l.Out != 0 {
					t.Errorf("session line %+v", l)
				}
				r := p.Syslog.Await(t, fmt.Sprintf(`\(%d\): .+: %s`, p.Port, c.reason))
				if r.Priority != harness.DaemonErr || r.PID != l.PID {
					t.Errorf("%v: want priority %d and PID %d", r, harness.DaemonErr, l.PID)
				}
				p.Syslog.Await(t, fmt.Sprintf(`\(%d\): Complete, status=4\.`, p.Port))
				p.Forget()
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
