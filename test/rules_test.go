// Tests of admission rules (-a).

package test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

func TestRules(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		for _, c := range []ruled{
			{"{port}", "", "127.0.0.1", true},
			{"{port}", "127.0.0.1", "127.0.0.1", true},
			{"{port}", "127.0.0.1", "127.0.0.2", false},
			{"{port}", "127.0.0.0/24", "127.0.0.77", true},
			{"{port}", "127.0.0.0/24", "127.0.1.77", false},
			{"{port}", "127.0.3.5/24", "127.0.3.99", true}, // host bits set
			{"{port}", "127.0.3.5/24", "127.0.4.5", false},
			{"{port}", "10.0.0.0/8 127.0.5.0/30", "127.0.5.3", true},
			{"{port}", "10.0.0.0/8 127.0.5.0/30", "127.0.5.4", false},
			{"{port}", "0.0.0.0/0", "127.9.9.9", true},
			{":{port}", "127.0.0.8/31", "127.0.0.9", true}, // mapped clients meet IPv4 rules
			{":{port}", "127.0.0.8/31", "127.0.0.10", false},
			{":{port}", "::1", "127.0.0.1", false},
			{":{port}", "::1", "::1", true},
			{"[::1]:{port}", "::3/126", "::1", true}, // host bits set
			{"[::1]:{port}", "::4/126", "::1", false},
			{"[::1]:{port}", "fe80::/10", "::1", false},
			{"[::1]:{port}", "::/0", "::1", true},
			{"[::1]:{port}", "127.0.0.1", "::1", false},
		} {
			t.Run(fmt.Sprintf("%s/%s/%s", strings.ReplaceAll(c.source, "{port}", "port"), c.rules, c.client), func(t *testing.T) { admits(t, mode, c) })
		}
	})
}

// ruled is a client, and whether the rules admit it.
type ruled struct {
	source string // as on the command line, {port} is the port
	rules  string // separated by spaces
	client string // source address of the client
	admit  bool
}

// admits checks what happens to a client, and its records.
func admits(t *testing.T, mode string, c ruled) {
	args := []string{c.source, harness.Serve(t, harness.Anywhere, harness.Greet("in")).Addr()}
	for r := range strings.FieldsSeq(c.rules) {
		args = append(args, "-a", r)
	}
	p := harness.Start(t, mode, args...)
	to := p.Addr()
	if strings.Contains(c.client, ":") {
		to = net.JoinHostPort("::1", strconv.Itoa(p.Port))
	}
	got := harness.Greeting(t, c.client, to)
	if admitted := got == "in"; admitted != c.admit {
		t.Fatalf("admitted: %v", admitted)
	}
	if c.admit {
		if l := p.Lines(1)[0]; l.Peer != c.client {
			t.Errorf("PEER is %s", l.Peer)
		}
		return
	}
	// Always logged, with or without -l, and not a session.
	tag := strconv.Itoa(p.Port)
	if strings.HasPrefix(c.source, "[::1]") {
		tag = "::1 " + tag
	}
	r := p.Syslog.Await(t, fmt.Sprintf(`\(%s\): Connect from %s Refused\.`, tag, c.client))
	if r.Priority != harness.DaemonNotice {
		t.Errorf("priority %d, want %d", r.Priority, harness.DaemonNotice)
	}
	p.Stop()
	p.Lines(0)
}

// A refusal does not affect others: the worker continues, even in fork mode.
func TestRefusalsTakeNoWorker(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		b := harness.Serve(t, harness.Anywhere, harness.Greet("in"))
		p := harness.Start(t, mode, "-a", "127.0.0.1", b.Addr())
		for range harness.Count(500) {
			if got := harness.Greeting(t, "127.0.0.2", p.Addr()); got != "" {
				t.Fatalf("a refused client is served by %q", got)
			}
		}
		if got := harness.Greeting(t, "127.0.0.1", p.Addr()); got != "in" {
			t.Fatalf("after refusals: %q", got)
		}
		p.Lines(1)
		if n := b.Accepted.Load(); n != 1 {
			t.Errorf("the target saw %d connections", n)
		}
	})
}
