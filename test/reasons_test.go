// Tests of the reason in an ended session's log line.

package test

import (
	"io"
	"net"
	"testing"

	"daemon/plug/test/harness"
)

// The log line of an ended session has the reason if there is one: a reset,
// and each way in which an HTTP proxy refuses a session.
func TestReasons(t *testing.T) {
	t.Parallel()
	const lost = "Connection reset by peer"
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		relay, proxy := harness.ServeTaker(t), harness.ServeTaker(t)
		args := append(harness.FewWorkers(mode), "-d", "--log-format", "json", "--connect-timeout", "500ms")
		plugs := map[*harness.Taker]*harness.Plug{
			relay: harness.Start(t, mode, append(args, relay.Addr())...),
			proxy: harness.Start(t, mode, append(args, "-h", proxy.Addr(), "192.0.2.9:119")...),
		}
		count := map[*harness.Taker]int{}
		for _, c := range []struct {
			name, reason string
			through      *harness.Taker
			do           func(client, far *net.TCPConn)
		}{
			{"client resets", lost, relay, func(client, _ *net.TCPConn) { harness.Reset(client) }},
			{"target resets", lost, relay, func(_, target *net.TCPConn) { harness.Reset(target) }},
			{"client resets after its end", "Broken pipe", relay, func(client, target *net.TCPConn) {
				client.CloseWrite()
				io.Copy(io.Discard, target)
				harness.Reset(client)
			}},
			{"target resets after its end", "Broken pipe", relay, func(client, target *net.TCPConn) {
				target.CloseWrite()
				io.Copy(io.Discard, client)
				harness.Reset(target)
			}},
			{"in order", "", relay, func(client, target *net.TCPConn) {
				client.Close()
				target.Close()
			}},
			{"client resets before the proxy's reply", lost, proxy, func(client, _ *net.TCPConn) { harness.Reset(client) }},
			{"proxy resets", lost, proxy, func(_, proxy *net.TCPConn) { harness.Reset(proxy) }},
			{"proxy says no", "403 Forbidden", proxy, func(_, proxy *net.TCPConn) {
				io.WriteString(proxy, "HTTP/1.1 403 Forbidden\r\n\r\n")
			}},
			{"proxy says no and resets", "403 Forbidden", proxy, func(_, proxy *net.TCPConn) {
				io.WriteString(proxy, "HTTP/1.1 403 Forbidden\r\n\r\n")
				harness.Reset(proxy)
			}},
			{"proxy ends", "closed the connection before its reply was complete", proxy, func(_, proxy *net.TCPConn) { proxy.Close() }},
			{"proxy talks nonsense", "malformed status line from the proxy", proxy, func(_, proxy *net.TCPConn) { io.WriteString(proxy, "220 hello\r\n") }},
			{"proxy is silent", "no reply within --connect-timeout", proxy, func(client, _ *net.TCPConn) { harness.HungUp(client) }},
		} {
			t.Run(c.name, func(t *testing.T) {
				client, far := c.through.Session(t, plugs[c.through])
				if c.through == proxy {
					readHead(far)
				}
				c.do(client, far)
				count[c.through]++
				if l := harness.Last(plugs[c.through].Ends(count[c.through]), 1)[0]; l.Reason != c.reason {
					t.Errorf("the reason is %q, want %q (%+v)", l.Reason, c.reason, l)
				}
			})
		}
	})
}
