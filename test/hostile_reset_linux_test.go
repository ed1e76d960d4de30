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
	{"client, while the plug connects", "connect", 3, func(_ *testing.T, client, _ *net.TCPConn) { reset(client) }},
	{"client, after bytes, while the plug connects", "connect", 3, func(_ *testing.T, client, _ *net.TCPConn) {
		client.Write(make([]byte, 1000))
		reset(client)
	}},
	{"client, while the proxy is silent", "proxy", 3, func(_ *testing.T, client, proxy *net.TCPConn) { reset(client) }},
	{"proxy, before a reply", "proxy", 4, func(_ *testing.T, _, proxy *net.TCPConn) { reset(proxy) }},
	{"proxy, within its reply", "proxy", 4, func(_ *testing.T, _, proxy *net.TCPConn) {
		io.WriteString(proxy, "HTTP/1.1 20")
		reset(proxy)
	}},
	{"proxy, after its reply", "proxy", 3, func(t *testing.T, client, proxy *net.TCPConn) {
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\nx")
		if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		reset(proxy)
	}},
	{"client, with bytes under way to it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(target)
		reset(client)
	}},
	{"target, with bytes under way to it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(client)
		reset(target)
	}},
	{"client, with bytes under way from it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(client)
		reset(client)
	}},
	{"target, with bytes under way from it", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		cram(target)
		reset(target)
	}},
	{"client, after its end, with bytes under way", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		crampedEnd(client)
		reset(client)
	}},
	{"client, after the target's end, with bytes under way", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		crampedEnd(target)
		reset(client)
	}},
	{"client closes while the target goes on sending", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		client.Close()
		for {
			if _, err := target.Write(make([]byte, 1000)); err != nil {
				return
			}
			passed(time.Millisecond)
		}
	}},
	{"target closes while the client goes on sending", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		target.Close()
		for {
			if _, err := client.Write(make([]byte, 1000)); err != nil {
				return
			}
			passed(time.Millisecond)
		}
	}},
	{"both at once", "relay", 3, func(_ *testing.T, client, target *net.TCPConn) {
		go reset(client)
		reset(target)
	}},
}

func TestHostileResets(t *testing.T) {
	t.Parallel()
	if !ownNet(t) {
		return
	}
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		k := serveTaker(t)
		args := append(tightArgs(mode), "-l", "--connect-timeout", "8s", "--close-timeout", "300ms")
		far := listenSilent(t)
		plugs := map[string]*plug{
			"relay":   start(t, mode, append(args, k.addr())...),
			"proxy":   start(t, mode, append(args, "-h", k.addr(), "192.0.2.1:9")...),
			"connect": start(t, mode, append(args, far.addr())...),
		}
		before := map[string]int{}
		for how, p := range plugs {
			if mode == "pool" {
				p.carriers(poolWorkers)
			} else {
				p.spares(2)
			}
			before[how] = p.openFiles()
		}
		ended := map[string]int{}
		for _, c := range cuts {
			t.Run(c.what, func(t *testing.T) {
				p := plugs[c.how]
				var idle map[int]bool
				if c.how == "connect" {
					idle = connecting(t, far.port)
				}
				client := dialNarrow(t, p.addr())
				client.SetDeadline(time.Now().Add(talkBound))
				var target *net.TCPConn
				if c.how == "connect" {
					awaitConnect(t, far.port, idle)
				} else {
					select {
					case target = <-k.taken:
						t.Cleanup(func() { target.Close() })
					case <-time.After(talkBound):
						t.Fatal("no session at the target")
					}
					target.SetDeadline(time.Now().Add(talkBound))
					narrowEnd(target)
				}
				if c.how == "proxy" {
					readHead(target)
				}
				c.cut(t, client, target)
				began := time.Now()
				ended[c.how]++
				await(t, "the session's line", 6*time.Second, func() bool {
					return len(parseSessions(t, p.sessions)) >= ended[c.how]
				})
				if took := time.Since(began); took > time.Second {
					t.Errorf("the session lasted another %v", took)
				}
				p.lines(ended[c.how])
				want := fmt.Sprintf("(%d): Complete, status=%d.", p.port, c.status)
				await(t, "the record "+want, time.Second, func() bool {
					records := p.syslog.all()
					return len(records) > 0 && last(records, 2)[0].text == want || last(records, 1)[0].text == want
				})
				if target != nil {
					learns(t, "target", target)
				}
				learns(t, "client", client)
			})
		}
		for how, p := range plugs {
			if !holdsWithin(8*time.Second, func() bool { return p.openFiles() <= before[how]+p.mayKeep() }) {
				t.Errorf("%s: %d descriptors open, %d before", how, p.openFiles(), before[how])
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
func (p *plug) openFiles() (n int) {
	for _, w := range p.workers() {
		n += len(descriptors(w.pid))
	}
	return n
}

// mayKeep is the number of descriptors that workers may keep for their next
// sessions: pipes, and in prefork those of one more spare.
func (p *plug) mayKeep() int { return 2*16*poolWorkers + 24 }

// connecting are the local ports of the connects to a port that have no answer
// yet.
func connecting(t *testing.T, port int) map[int]bool {
	t.Helper()
	found := map[int]bool{}
	for _, s := range tcpSockets(t) {
		if s.remotePort == port && s.state == stateSynSent {
			found[s.localPort] = true
		}
	}
	return found
}

// awaitConnect waits for a connect to a port besides the existing ones.
func awaitConnect(t *testing.T, port int, before map[int]bool) {
	t.Helper()
	await(t, "the plug to connect", normalWait, func() bool {
		now := connecting(t, port)
		maps.DeleteFunc(now, func(local int, _ bool) bool { return before[local] })
		return len(now) > 0
	})
}

const stateSynSent = "02" // include/net/tcp_states.h
