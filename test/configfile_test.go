// Tests of plugs that a configuration file describes.

package test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// twoPlugs is a file with a plug of two listeners and one in another mode.
const twoPlugs = `
plug "news" {
  listen  = ["127.0.0.1:{port}", "127.0.0.1:%d"]
  targets = [%q]
}

plug "web" {
  listen  = ["127.0.0.1:%d"]
  targets = [%q]
  mode    = "pool"
  workers = 1
}
`

// greeted connects to a port and returns who answers.
func greeted(t *testing.T, port int) string {
	t.Helper()
	return harness.Greeting(t, "127.0.0.1", fmt.Sprintf("127.0.0.1:%d", port))
}

// Two plugs under one master: each listener leads to its plug's target, in one session log
// and with one pidfile, before and after an upgrade.
func TestTwoPlugsOfAFile(t *testing.T) {
	t.Parallel()
	news, web := harness.Serve(t, harness.Anywhere, harness.Greet("news")).Addr(), harness.Serve(t, harness.Anywhere, harness.Greet("web")).Addr()
	second, third := harness.FreePort(t), harness.FreePort(t)
	p := harness.PrepareFile(t, fmt.Sprintf(twoPlugs, second, news, third, web))
	p.Detach()
	serves := func(lines int) {
		t.Helper()
		for port, want := range map[int]string{p.Port: "news", second: "news", third: "web"} {
			if got := greeted(t, port); got != want {
				t.Errorf("port %d leads to %q, expected %q", port, got, want)
			}
		}
		listens := map[string]int{}
		for _, l := range p.Lines(lines) {
			listens[l.Listen]++
		}
		if web := fmt.Sprintf("127.0.0.1:%d", third); listens["news"] != 2*lines/3 || listens[web] != lines/3 {
			t.Errorf("the session lines name %v", listens)
		}
		harness.Await(t, "the master and the worker of the pool, and no other, in the pidfile", harness.NormalWait, func() bool {
			pids := p.PIDs()
			return len(pids) == 2 && pids[0] == p.Master
		})
		for _, want := range []string{"plug: master site (0 sessions)", "plug: news spare", fmt.Sprintf("plug: 127.0.0.1:%d pool (0 sessions)", third)} {
			harness.Await(t, "the title "+want, harness.NormalWait, func() bool {
				return slices.ContainsFunc(p.Procs(), func(one harness.Process) bool { return one.Title == want })
			})
		}
	}
	serves(3)
	p.Upgrade(harness.NextVersion)
	serves(6)
	p.Stop()
	if left := p.Procs(); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// A broken file: all errors are on stderr, the status is 5, and nothing is left behind.
func TestBrokenFile(t *testing.T) {
	t.Parallel()
	p := harness.PrepareFile(t, "plug \"a\" {\n  listen  = [{port}]\n  targets = [\"10.0.0.1\", \"x\"]\n  mode = \"pol\"\n}\n")
	p.Launch()
	if code := p.Wait(harness.ServeBound); code != 5 {
		t.Errorf("exit status %d, expected 5", code)
	}
	said := p.Errors()
	for _, want := range []string{"site.hcl:8:26, in plug \"a\":\n", "site.hcl:9:10, in plug \"a\":\n", "\n2 errors\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) || harness.Listening(t, p.Port) {
		t.Errorf("the pidfile: %v; the port listens: %v", err, harness.Listening(t, p.Port))
	}
}

// An optional plug whose port is taken does not keep the other one from being served, and
// is served once the port is free.
func TestOptionalPlug(t *testing.T) {
	t.Parallel()
	other := harness.ListenTCP(t, "127.0.0.1:0")
	late := other.Addr().(*net.TCPAddr).Port
	target := harness.Serve(t, harness.Anywhere, harness.Greet("target")).Addr()
	p := harness.PrepareFile(t, fmt.Sprintf("plug \"now\" {\n  listen  = [\"127.0.0.1:{port}\"]\n  targets = [%q]\n}\n"+
		"plug \"late\" {\n  listen   = [\"127.0.0.1:%d\"]\n  targets  = [%q]\n  optional = true\n}\n", target, late, target))
	p.Detach()
	if got := greeted(t, p.Port); got != "target" {
		t.Errorf("the first plug leads to %q", got)
	}
	other.Close()
	harness.Await(t, "the optional plug to be served", harness.LongWait, func() bool { return harness.Listening(t, late) })
	if got := greeted(t, late); got != "target" {
		t.Errorf("the optional plug leads to %q", got)
	}
}
