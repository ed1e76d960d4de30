// The scene of an act: its plug, its session, and what its ends can do.

package test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A stage has the plugs for the acts in one mode.
type stage struct {
	t      *testing.T
	mode   string
	daemon bool // otherwise in the foreground, with JSON on stderr
	taker  *harness.Taker
	far    *harness.Silent
	plugs  map[string]*cast
}

// A cast is a plug and what is known of its sessions.
type cast struct {
	*harness.Plug
	target  string // the last one that it tries, or the proxy: in the session file
	ended   int    // sessions
	records int    // in syslog, of sessions
	open    int    // descriptors of its workers before the first session
}

// behind is a target behind a proxy.
const behind = "192.0.2.9:119"

// arguments are those of the plug with this name, without the common ones.
func (g *stage) arguments(how string) []string {
	taker, far := g.taker.Addr(), g.far.Addr()
	none := harness.Refusing(g.t)
	switch how {
	case "relay":
		return []string{"--close-timeout", "300ms", taker}
	case "resetter":
		return []string{harness.Serve(g.t, harness.Anywhere, harness.Resetter).Addr()}
	case "refused":
		return []string{none}
	case "late":
		return []string{"--connect-timeout", "200ms", far}
	case "both":
		return []string{"--connect-timeout", "200ms", "-o", far, none}
	case "silent": // close-timeout: bytes that the client has left go on waiting for the target
		return []string{"--connect-timeout", "1m", "--close-timeout", "300ms", far}
	case "next":
		return []string{"--connect-timeout", "1m", "-o", none, far}
	case "nowhere":
		return []string{"-p", "192.0.2.1", none}
	case "proxy":
		return []string{"--connect-timeout", "2s", "-h", taker, behind}
	case "noproxy":
		return []string{"-h", none, behind}
	case "lateproxy":
		return []string{"--connect-timeout", "200ms", "-h", far, behind}
	case "drained":
		return []string{"--drain-timeout", "100ms", echoTarget(g.t)}
	case "controlled":
		return []string{"--control", "ctl", echoTarget(g.t)}
	case "limited":
		return []string{"--connect-timeout", "300ms", echoTarget(g.t)}
	}
	return []string{echoTarget(g.t)}
}

func echoTarget(t testing.TB) string { return harness.Serve(t, harness.Anywhere, harness.Echo).Addr() }

// hire starts the plug with this name.
func (g *stage) hire(t *testing.T, how string) *cast {
	t.Helper()
	own := g.arguments(how)
	args := append(harness.TightArgs(g.mode), "-l")
	if how == "limited" {
		args = append(harness.SparesArgs(g.mode, 1), "-l")
	}
	if !g.daemon {
		args = append(args, "-d", "--log-format", "json")
	}
	args = append(args, own...)
	p := harness.Prepare(t, g.mode, args...)
	switch how {
	case "this version", "upgraded":
		p.Install(harness.Stamped(t, harness.ThisVersion))
	case "older version":
		p.Install(harness.Stamped(t, harness.OlderVersion))
	}
	if g.daemon {
		p.Detach()
		if r := p.Syslog.Await(t, fmt.Sprintf(`\(%d\): Plugdaemon started\.`, p.Port)); r.PID != p.Master || r.Priority != harness.DaemonNotice {
			t.Errorf("%v: want the master's PID %d and priority %d", r, p.Master, harness.DaemonNotice)
		}
	} else {
		p.Foreground()
	}
	switch {
	case how == "limited":
		harness.NoDescriptors(t, p.ReadySpares(1)[0].PID, 1)
	case how == "upgraded":
		p.Upgrade(harness.NextVersion)
	case g.mode == "pool":
		p.Carriers(harness.PoolWorkers)
	default:
		p.Spares(2)
	}
	target := own[len(own)-1]
	if i := slices.Index(own, "-h"); i >= 0 {
		target = own[i+1]
	}
	return &cast{Plug: p, target: target, open: openFiles(p)}
}

// A scene is a session, whose ends the test controls.
type scene struct {
	t              *testing.T
	p              *harness.Plug
	client, target *net.TCPConn // target: or the proxy; nil if the test has no part in it
}

// open starts the session of an act.
func (g *stage) open(t *testing.T, how string, p *cast) *scene {
	t.Helper()
	idle := connecting(t, g.far.Port)
	s := &scene{t: t, p: p.Plug, client: dialNarrow(t, p.Addr())}
	s.client.SetDeadline(time.Now().Add(harness.TalkBound))
	switch how {
	case "relay", "proxy":
		select {
		case s.target = <-g.taker.Taken:
			t.Cleanup(func() { s.target.Close() })
		case <-time.After(harness.TalkBound):
			t.Fatal("no session at the target")
		}
		s.target.SetDeadline(time.Now().Add(harness.TalkBound))
		narrowEnd(s.target)
	case "silent", "next":
		awaitConnect(t, g.far.Port, idle)
	}
	if how == "proxy" {
		readHead(s.target)
	}
	return s
}

// waitForEnd waits for the plug to end the session.
func (s *scene) waitForEnd() {
	s.t.Helper()
	if err := harness.HungUp(s.client); err != nil {
		s.t.Error(err)
	}
}

// targetSays makes the session relay, with a byte from the target.
func (s *scene) targetSays() {
	s.t.Helper()
	io.WriteString(s.target, "x")
	if _, err := io.ReadFull(s.client, make([]byte, 1)); err != nil {
		s.t.Fatal(err)
	}
}

// clientSays makes the session relay, with a byte from the client.
func (s *scene) clientSays() {
	s.t.Helper()
	io.WriteString(s.client, "x")
	if _, err := io.ReadFull(s.target, make([]byte, 1)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) proxySays(text string) { io.WriteString(s.target, text) }

// endHalf ends one side's direction, and waits until the other side has
// noticed.
func (s *scene) endHalf(from, to *net.TCPConn) {
	s.t.Helper()
	from.CloseWrite()
	s.hasEnded(to)
}

// hasEnded waits until a side has noticed the other one's end.
func (s *scene) hasEnded(to *net.TCPConn) {
	s.t.Helper()
	if _, err := io.Copy(io.Discard, to); err != nil {
		s.t.Fatal(err)
	}
}

// inOrder ends both directions, one after the other.
func (s *scene) inOrder(first, then *net.TCPConn) {
	s.t.Helper()
	s.endHalf(first, then)
	s.endHalf(then, first)
}

// kill sends a signal to the session's worker.
func (s *scene) kill(signal syscall.Signal) {
	s.t.Helper()
	syscall.Kill(s.p.Carrier(s.client), signal)
}

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
		for local := range connecting(t, port) {
			if !before[local] {
				return true
			}
		}
		return false
	})
}

const stateSynSent = "02" // include/net/tcp_states.h

func narrowEnd(c *net.TCPConn) {
	c.SetReadBuffer(64 << 10)
	c.SetWriteBuffer(64 << 10)
}
