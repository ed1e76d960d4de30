//go:build linux

// Tests of the loads: a tampering proxy's faults are found.

package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"testing"
	"time"

	"daemon/plug/test/bench/load"
	"daemon/plug/test/bench/wire"
)

// The test binary plays the roles as the bench binary does.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == roleFlag {
		os.Exit(playRole(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// tamper changes a piece of the data in one direction, which begins at pos;
// false ends the connection after it.
type tamper func(b []byte, pos int) ([]byte, bool)

// flip changes one byte.
func flip(at int) tamper {
	return func(b []byte, pos int) ([]byte, bool) {
		if i := at - pos; i >= 0 && i < len(b) {
			b[i] ^= 1
		}
		return b, true
	}
}

// lose drops one byte.
func lose(at int) tamper {
	return func(b []byte, pos int) ([]byte, bool) {
		if i := at - pos; i >= 0 && i < len(b) {
			return append(b[:i:i], b[i+1:]...), true
		}
		return b, true
	}
}

// cut ends the connection before one byte.
func cut(at int) tamper {
	return func(b []byte, pos int) ([]byte, bool) {
		if i := at - pos; i >= 0 && i < len(b) {
			return b[:i], false
		}
		return b, true
	}
}

// whole relays like a correct proxy.
func whole(b []byte, _ int) ([]byte, bool) { return b, true }

// A load that does not notice a proxy's faults would measure nothing.
func TestLoadNoticesFaults(t *testing.T) {
	target := backendAddr(t)
	for _, c := range []faulty{
		{load.Short, "whole", whole, "", 8},
		{load.Short, "flip", flip(63), "not what was sent", 1},
		{load.Short, "cut", cut(0), "ended before its answer", 1},
		{load.Request, "whole", whole, "", 8},
		{load.Request, "flip", flip(64), "not what was sent", 1},
		{load.Request, "lose", lose(64), "no answer in time", 1},
		{load.Request, "cut", cut(64), "ended before its answer", 1},
		{load.Bulk, "whole", whole, "", 4},
		{load.Bulk, "flip", flip(3 << 20), "not what was sent", 1},
		{load.Bulk, "lose", lose(3 << 20), "not what was sent", 1},
		{load.Bulk, "cut", cut(3 << 20), "was cut", 1},
		// The length is possible, but the end was not requested.
		{load.Bulk, "cut at a block", cut(wire.Block), "before it was stopped", 1},
		{load.Duplex, "whole", whole, "", 4},
		{load.Duplex, "flip", flip(3 << 20), "not what was sent", 1},
		{load.Duplex, "lose", lose(3 << 20), "not what was sent", 1},
		// A later write may find the reset before the end is read; after an
		// end has been read, Linux reports the same reset as a broken pipe.
		{load.Duplex, "cut", cut(3 << 20), "was cut|reset|broken pipe", 1},
		{load.Duplex, "cut at a block", cut(wire.Block), "before it was stopped|reset|broken pipe", 1},
		{load.Rate, "whole", whole, "", 100},
		{load.Rate, "flip", flip(63), "not what was sent", 100},
		{load.Burst, "whole", whole, "", 50},
		{load.Burst, "cut", cut(0), "ended before its answer", 1},
		{load.Idle, "whole", whole, "", 50},
		{load.Idle, "cut", cut(64), "ended before its answer", 1},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) { c.isNoticed(t, target) })
	}
}

// faulty is a load through a proxy with a fault.
type faulty struct {
	kind    string
	name    string
	tamper  tamper
	reason  string // pattern for the reason of all failures; "": none
	clients int
}

// isNoticed checks that the load fails for the reason, or not at all.
func (c faulty) isNoticed(t *testing.T, target netip.AddrPort) {
	spec := load.Spec{Kind: c.kind, Addr: tamperingProxy(t, target, c.tamper), Clients: c.clients, Duration: shortly, Patience: 2 * time.Second}
	if c.reason == "" {
		spec.Patience = 30 * time.Second // only a busy machine is late
	} else if c.kind == load.Bulk || c.kind == load.Duplex {
		spec.Duration = 5 * time.Second // the fault ends it before that
	}
	res := runLoad(t, spec)
	want := int64(c.clients)
	if c.kind == load.Rate {
		want = 5 // of the clients of one second
	}
	if c.reason == "" && (res.Failed != 0 || res.Sessions < want) {
		t.Errorf("a faultless proxy: %+v", res)
	}
	if c.reason != "" && res.Failed == 0 {
		t.Errorf("nothing noticed: %+v", res)
	}
	for r := range res.Reasons {
		if c.reason == "" || !regexp.MustCompile(c.reason).MatchString(r) {
			t.Errorf("reason %q, want %q", r, c.reason)
		}
	}
}

// The client's own stream is also checked, even though it does not come back.
func TestLoadNoticesFaultsOfItsOwnStream(t *testing.T) {
	target := backendAddr(t)
	for name, tamper := range map[string]tamper{"flip": flip(3 << 20), "lose": lose(3 << 20), "cut": cut(3 << 20)} {
		t.Run(name, func(t *testing.T) {
			spec := load.Spec{Kind: load.Duplex, Addr: tamperingProxyBoth(t, target, tamper, whole), Clients: 1, Duration: 5 * time.Second, Patience: 2 * time.Second}
			if res := runLoad(t, spec); res.Failed == 0 {
				t.Errorf("nothing noticed: %+v", res)
			}
		})
	}
}

// A load is made once for each line, and its figures are for that one only;
// with more, they are for all together.
func TestLoadIsMadeAgain(t *testing.T) {
	c, err := startLoad(load.Spec{Kind: load.Short, Addr: backendAddr(t), Clients: 2, Size: 64, Duration: 60 * time.Millisecond, Patience: 30 * time.Second, Lone: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.end()
	first, err := c.round()
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.round()
	if err != nil {
		t.Fatal(err)
	}
	// A busy machine may slow everything down, but the sum must be right.
	if first.Ops == 0 || second.Ops == 0 || second.Failed != 0 || second.Sessions-first.Sessions != second.Ops {
		t.Errorf("first %+v, then %+v", first, second)
	}
	if second.LoneMax == 0 || second.LoneMax > second.Max {
		t.Errorf("the lone client's slowest is %v µs of all %v", second.LoneMax, second.Max)
	}
	third, err := c.more()
	if err != nil {
		t.Fatal(err)
	}
	if third.Ops-second.Ops != third.Sessions-second.Sessions || third.Seconds <= second.Seconds || third.Planned != 2*second.Planned {
		t.Errorf("after %+v more is %+v", second, third)
	}
	if third.OnTime <= second.OnTime || third.OnTime > third.Ops {
		t.Errorf("after %+v on time are more: %+v", second, third)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
}

const shortly = 50 * time.Millisecond

// runLoad makes one load, in the same way as measure.
func runLoad(t *testing.T, spec load.Spec) load.Result {
	t.Helper()
	spec.Size = messageSize
	c, err := startLoad(spec)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.round()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
	return res
}

// backendAddr starts a backend, which ends when the test ends.
func backendAddr(t *testing.T) netip.AddrPort {
	t.Helper()
	target, err := act(roleBackend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.end(); err != nil {
			t.Error(err)
		}
	})
	var text string
	if _, err := fmt.Fscanln(target.out, &text); err != nil {
		t.Fatal(err)
	}
	return netip.MustParseAddrPort(text)
}

// tamperingProxy relays to the target and tampers with the bytes that come
// back.
func tamperingProxy(t *testing.T, target netip.AddrPort, back tamper) netip.AddrPort {
	return tamperingProxyBoth(t, target, whole, back)
}

// tamperingProxyBoth tampers with the bytes in both directions.
func tamperingProxyBoth(t *testing.T, target netip.AddrPort, there, back tamper) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go relay(client, target, there, back)
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func relay(client net.Conn, target netip.AddrPort, there, back tamper) {
	defer client.Close()
	server, err := net.Dial("tcp4", target.String())
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		pass(client, server, there)
		server.Close()
	}()
	pass(server, client, back)
}

func pass(from, to net.Conn, tamper tamper) {
	buf := make([]byte, 64<<10)
	for pos := 0; ; {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		out, open := tamper(buf[:n], pos)
		pos += n
		if _, err := to.Write(out); err != nil || !open {
			return
		}
	}
}
