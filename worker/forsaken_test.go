//go:build linux && !portable

// Clients that fail before their target is connected, in the event loop.

package worker

import (
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
)

// toTarget has the rig connect to an address, such as that of a listener of the test.
func (e *engine) toTarget(addr string) {
	e.board.Assignment.ConnectTimeout = uint32(patience.Milliseconds())
	e.board.Target(0).Addr = convert.From(netip.MustParseAddrPort(addr))
}

func listenHere(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// resetClient is the engine's end of a client that has sent these words, if any, and
// reset.
func resetClient(t *testing.T, words string) (fd int) {
	t.Helper()
	client, fd := tcp(t)
	io.WriteString(client, words)
	if words != "" {
		waiting(t, fd, len(words))
	}
	resetNow(t, client, fd)
	return fd
}

var somebody = convert.From(netip.MustParseAddrPort("127.0.0.1:1"))

// wants checks how the rig's only session has ended.
func (e *engine) wants(t *testing.T, outcome board.Outcome, code string, errno syscall.Errno) {
	t.Helper()
	row := e.board.Row(0, 0)
	c := board.Cause(row.Cause.Load())
	if e.outcomes(outcome) != 1 || c.Code() != code || syscall.Errno(row.Errno.Load()) != errno {
		t.Errorf("%d sessions %s, the cause is %s, the reason %v; want 1, %s, %v",
			e.outcomes(outcome), outcome, c.Code(), syscall.Errno(row.Errno.Load()), code, errno)
	}
}

// When a client resets before its target is connected, what it has sent is delivered; if
// it has sent nothing, the session ends.
func TestClientResetsWhileConnecting(t *testing.T) {
	for _, words := range []string{"last words", ""} {
		l, e := listenHere(t), rig(t)
		e.toTarget(l.Addr().String())
		e.admit(resetClient(t, words), somebody)
		e.until(t, "the session ends", func() bool { return e.live == 0 })
		if words == "" {
			e.wants(t, board.Cut, "CC", syscall.ECONNRESET)
			continue
		}
		target, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		if got := <-readAll(target); string(got) != words {
			t.Errorf("the target reads %q", got)
		}
		e.wants(t, board.Cut, "CR", syscall.ECONNRESET)
		if n := e.board.Row(0, 0).In.Load(); n != uint64(len(words)) {
			t.Errorf("%d bytes counted", n)
		}
	}
}

// No target can be reached for such a client: the session is recorded as cut by the
// client, after --close-timeout if no target answers.
func TestForsakenWithoutATarget(t *testing.T) {
	for _, c := range []struct {
		name, target string
	}{{"silent", silent(t)}, {"refusing", refusing(t)}} {
		e := rig(t)
		e.toTarget(c.target)
		e.board.Assignment.CloseTimeout = 80
		e.admit(resetClient(t, "last words"), somebody)
		e.once(1)
		began := e.clock.mono
		e.until(t, "the session ends", func() bool { return e.live == 0 })
		if took := time.Duration(e.clock.mono - began); took > 3*time.Second {
			t.Errorf("%s: it ended after %v, --close-timeout is 80ms", c.name, took)
		}
		e.wants(t, board.Cut, "CC", syscall.ECONNRESET)
		if n := e.board.Row(0, 0).In.Load(); n != 0 {
			t.Errorf("%s: %d bytes counted", c.name, n)
		}
	}
}

// The same, while the HTTP proxy has not replied yet.
func TestClientResetsWhileNegotiating(t *testing.T) {
	for _, c := range []struct {
		words, reply, code string
		outcome            board.Outcome
	}{
		{"last words", "HTTP/1.1 200 OK\r\n\r\n", "CR", board.Cut},
		{"last words", "HTTP/1.1 403 Forbidden\r\n\r\n", "CN", board.Cut},
		{"", "", "CN", board.Cut},
	} {
		l, e := listenHere(t), rig(t)
		e.toTarget("192.0.2.9:119")
		e.board.Assignment.Via = convert.From(netip.MustParseAddrPort(l.Addr().String()))
		e.board.Target(0).Name.Set("192.0.2.9:119")
		client, fd := tcp(t)
		e.admit(fd, somebody)
		s := e.table[0]
		e.until(t, "the session negotiates", func() bool { return s.state == negotiating })
		proxy, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		defer proxy.Close()
		io.WriteString(client, c.words)
		cut(client)
		e.quiet()
		if c.reply != "" {
			if s.state != negotiating {
				t.Fatalf("state %d: the client's bytes wait for the proxy's reply", s.state)
			}
			readHead(t, proxy)
			io.WriteString(proxy, c.reply)
		}
		e.until(t, "the session ends", func() bool { return e.live == 0 })
		e.wants(t, c.outcome, c.code, syscall.ECONNRESET)
		if c.code == "CR" {
			if got := <-readAll(proxy); string(got) != c.words {
				t.Errorf("the proxy reads %q", got)
			}
		}
	}
}

// readHead reads a request up to its empty line.
func readHead(t *testing.T, c *net.TCPConn) {
	t.Helper()
	var head []byte
	one := make([]byte, 1)
	for len(head) < 4 || string(head[len(head)-4:]) != "\r\n\r\n" {
		if _, err := io.ReadFull(c, one); err != nil {
			t.Fatal(err)
		}
		head = append(head, one...)
	}
}

// If a target or a proxy accepts, sends something and resets before the plug has checked
// the connection, its bytes are still delivered.
func TestLastWordsBehindTheAccept(t *testing.T) {
	const words = "too many connections"
	for _, via := range []bool{false, true} {
		l, e := listenHere(t), rig(t)
		e.toTarget(l.Addr().String())
		if via {
			e.board.Assignment.Via = e.board.Target(0).Addr
		}
		client, fd := tcp(t)
		e.admit(fd, somebody)
		target, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		s := e.table[0]
		if via {
			io.WriteString(target, "HTTP/1.1 200 OK\r\n\r\n")
		}
		io.WriteString(target, words)
		resetNow(t, target, s.target.fd)
		got := readAll(client)
		e.until(t, "the session ends", func() bool { return e.live == 0 })
		if p := <-got; string(p) != words {
			t.Errorf("via a proxy %v: the client reads %q", via, p)
		}
		e.wants(t, board.Cut, "TR", syscall.ECONNRESET)
	}
}
