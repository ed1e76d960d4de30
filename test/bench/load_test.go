//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"plugdaemon/test/bench/load"
	"plugdaemon/test/bench/wire"
)

// The test binary plays the roles as the bench binary does.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == roleFlag {
		os.Exit(playRole(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// tamper does something to a piece of what is relayed to the client, which
// begins at pos; false ends the connection behind it.
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

// whole relays as a proxy should.
func whole(b []byte, _ int) ([]byte, bool) { return b, true }

// A load that does not notice a proxy's faults measures nothing.
func TestLoadNoticesFaults(t *testing.T) {
	target := backendAddr(t)
	for _, c := range []struct {
		kind    string
		name    string
		tamper  tamper
		reason  string // of all failures; empty: none
		clients int
	}{
		{load.Short, "whole", whole, "", 8},
		{load.Short, "flip", flip(63), "not what was sent", 1},
		{load.Short, "cut", cut(0), "ended before its answer", 1},
		{load.Request, "whole", whole, "", 8},
		{load.Request, "flip", flip(640), "not what was sent", 1},
		{load.Request, "lose", lose(640), "no answer in time", 1},
		{load.Request, "cut", cut(640), "ended before its answer", 1},
		{load.Bulk, "whole", whole, "", 4},
		{load.Bulk, "flip", flip(3 << 20), "not what was sent", 1},
		{load.Bulk, "lose", lose(3 << 20), "not what was sent", 1},
		{load.Bulk, "cut", cut(3 << 20), "was cut", 1},
		// Of a good length, but nobody has asked for the end.
		{load.Bulk, "cut at a block", cut(wire.Block), "before it was stopped", 1},
		{load.Idle, "whole", whole, "", 50},
		{load.Idle, "cut", cut(64), "ended before its answer", 1},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			res := runLoad(t, c.kind, tamperingProxy(t, target, c.tamper), c.clients)
			if c.reason == "" && (res.Failed != 0 || res.Sessions < int64(c.clients)) {
				t.Errorf("a faultless proxy: %+v", res)
			}
			if c.reason != "" && res.Failed == 0 {
				t.Errorf("nothing noticed: %+v", res)
			}
			for r := range res.Reasons {
				if c.reason == "" || !strings.Contains(r, c.reason) {
					t.Errorf("reason %q, want %q", r, c.reason)
				}
			}
		})
	}
}

// runLoad makes a short load of one kind, as measure does.
func runLoad(t *testing.T, kind string, addr netip.AddrPort, clients int) load.Result {
	t.Helper()
	spec, _ := json.Marshal(load.Spec{Kind: kind, Addr: addr, Clients: clients, Size: 64, Duration: 50 * time.Millisecond, Patience: 2 * time.Second})
	client, err := act(roleLoad, string(spec))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(client.out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	fmt.Fprintln(client.in, "go")
	line, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var res load.Result
	if err := json.Unmarshal(line, &res); err != nil {
		t.Fatal(err)
	}
	client.out = lines
	if err := client.end(); err != nil {
		t.Error(err)
	}
	return res
}

// backendAddr starts a backend that ends with the test.
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

// tamperingProxy relays to the target and tampers with what comes back.
func tamperingProxy(t *testing.T, target netip.AddrPort, tamper tamper) netip.AddrPort {
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
			go relay(client, target, tamper)
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func relay(client net.Conn, target netip.AddrPort, tamper tamper) {
	defer client.Close()
	server, err := net.Dial("tcp4", target.String())
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, client)
		server.Close()
	}()
	buf := make([]byte, 64<<10)
	for pos := 0; ; {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		out, open := tamper(buf[:n], pos)
		pos += n
		if _, err := client.Write(out); err != nil || !open {
			return
		}
	}
}
