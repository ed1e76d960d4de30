// Tests of resets at every point of a session's life.

package test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// cutAt is a point in a session's life, and a reset.
type cutAt struct {
	what   string
	how    string // which plug: "relay", "connect" (to a silent target), "proxy" (a silent one)
	status int    // in syslog
	cut    func(t *testing.T, client, target *net.TCPConn)
}

// A reset can come at any point. Whenever it comes, the session ends soon, the
// other side notices, the line is written, and nothing is left.
var cuts = []cutAt{
	{"client, while the plug connects", "connect", 3, func(_ *testing.T, client, _ *net.TCPConn) { harness.Reset(client) }},
	{"client, after bytes, while the plug connects", "connect", 3, func(_ *testing.T, client, _ *net.TCPConn) {
		client.Write(make([]byte, 1000))
		harness.Reset(client)
	}},
	{"client, while the proxy is silent", "proxy", 3, func(_ *testing.T, client, proxy *net.TCPConn) { harness.Reset(client) }},
	{"proxy, before a reply", "proxy", 4, func(_ *testing.T, _, proxy *net.TCPConn) { harness.Reset(proxy) }},
	{"proxy, within its reply", "proxy", 4, func(_ *testing.T, _, proxy *net.TCPConn) {
		io.WriteString(proxy, "HTTP/1.1 20")
		harness.Reset(proxy)
	}},
	{"proxy, after its reply", "proxy", 3, func(t *testing.T, client, proxy *net.TCPConn) {
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\nx")
		if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		harness.Reset(proxy)
	}},
	{"client, with bytes under way to it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(target)
		harness.Reset(client)
	}},
	{"target, with bytes under way to it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(client)
		harness.Reset(target)
	}},
	{"client, with bytes under way from it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(client)
		harness.Reset(client)
	}},
	{"target, with bytes under way from it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(target)
		harness.Reset(target)
	}},
	{"client, after its end, with bytes under way", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		crampedEnd(client)
		harness.Reset(client)
	}},
	{"client, after the target's end, with bytes under way", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		crampedEnd(target)
		harness.Reset(client)
	}},
	{"client closes while the target goes on sending", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		client.Close()
		for {
			if _, err := target.Write(make([]byte, 1000)); err != nil {
				return
			}
			harness.Passed(time.Millisecond)
		}
	}},
	{"target closes while the client goes on sending", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		target.Close()
		for {
			if _, err := client.Write(make([]byte, 1000)); err != nil {
				return
			}
			harness.Passed(time.Millisecond)
		}
	}},
	{"both at once", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		go harness.Reset(client)
		harness.Reset(target)
	}},
}

func TestHostileResets(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		k := harness.ServeTaker(t)
		args := append(harness.TightArgs(mode), "-l", "--connect-timeout", "8s", "--close-timeout", "300ms")
		far := harness.ListenSilent(t)
		plugs := map[string]*harness.Plug{
			"relay":   harness.Start(t, mode, append(args, k.Addr())...),
			"proxy":   harness.Start(t, mode, append(args, "-h", k.Addr(), "192.0.2.1:9")...),
			"connect": harness.Start(t, mode, append(args, far.Addr())...),
		}
		before := map[string]int{}
		for how, p := range plugs {
			if mode == "pool" {
				p.Carriers(harness.PoolWorkers)
			} else {
				p.Spares(2)
			}
			before[how] = openFiles(p)
		}
		ended := map[string]int{}
		for _, c := range cuts {
			t.Run(c.what, func(t *testing.T) {
				p := plugs[c.how]
				var idle map[int]bool
				if c.how == "connect" {
					idle = connecting(t, far.Port)
				}
				client := dialNarrow(t, p.Addr())
				client.SetDeadline(time.Now().Add(harness.TalkBound))
				var target *net.TCPConn
				if c.how == "connect" {
					awaitConnect(t, far.Port, idle)
				} else {
					select {
					case target = <-k.Taken:
						t.Cleanup(func() { target.Close() })
					case <-time.After(harness.TalkBound):
						t.Fatal("no session at the target")
					}
					target.SetDeadline(time.Now().Add(harness.TalkBound))
					narrowEnd(target)
				}
				if c.how == "proxy" {
					readHead(target)
				}
				c.cut(t, client, target)
				began := time.Now()
				ended[c.how]++
				harness.Await(t, "the session's line", 6*time.Second, func() bool {
					return len(harness.ParseSessions(t, p.Sessions)) >= ended[c.how]
				})
				if took := time.Since(began); took > time.Second {
					t.Errorf("the session lasted another %v", took)
				}
				p.Lines(ended[c.how])
				want := fmt.Sprintf("(%d): Complete, status=%d.", p.Port, c.status)
				harness.Await(t, "the record "+want, time.Second, func() bool {
					records := p.Syslog.All()
					return len(records) > 0 && harness.Last(records, 2)[0].Text == want || harness.Last(records, 1)[0].Text == want
				})
				if target != nil {
					learns(t, "target", target)
				}
				learns(t, "client", client)
			})
		}
		for how, p := range plugs {
			if !harness.HoldsWithin(8*time.Second, func() bool { return openFiles(p) <= before[how]+mayKeep(p) }) {
				t.Errorf("%s: %d descriptors open, %d before", how, openFiles(p), before[how])
			}
		}
	})
}

// learns checks that a peer's connection has ended, by a reset or because this
// side ended it.
func learns(t *testing.T, who string, c *net.TCPConn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the %s was not told: %v", who, err)
	}
}

func narrowEnd(c *net.TCPConn) {
	c.SetReadBuffer(64 << 10)
	c.SetWriteBuffer(64 << 10)
}

// openFiles is the number of descriptors of all workers.
func openFiles(p *harness.Plug) (n int) {
	for _, w := range p.Workers() {
		n += len(harness.Descriptors(w.PID))
	}
	return n
}

// mayKeep is the number of descriptors that workers may keep for their next
// sessions: pipes, and in prefork those of one more spare.
func mayKeep(p *harness.Plug) int { return 2*16*harness.PoolWorkers + 24 }

// connecting are the local ports of the connects to a port that have no answer
// yet.
func connecting(t *testing.T, port int) map[int]bool {
	t.Helper()
	found := map[int]bool{}
	for _, s := range harness.TCPSockets(t) {
		if s.RemotePort == port && s.State == stateSynSent {
			found[s.LocalPort] = true
		}
	}
	return found
}

// awaitConnect waits for a connect to a port besides the existing ones.
func awaitConnect(t *testing.T, port int, before map[int]bool) {
	t.Helper()
	harness.Await(t, "the plug to connect", harness.NormalWait, func() bool {
		now := connecting(t, port)
		maps.DeleteFunc(now, func(local int, _ bool) bool { return before[local] })
		return len(now) > 0
	})
}

const stateSynSent = "02" // include/net/tcp_states.h
