// Tests of link-local addresses whose interface is removed and created again.

package test

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// link is an interface that can be created again, with the address fe80::1.
type link struct {
	t  *testing.T
	ip string
}

// newLink creates the interface p0, with a peer so that it has a carrier. The
// test must be in its own network namespace.
func newLink(t *testing.T) *link {
	t.Helper()
	l := &link{t, harness.Program(t, "ip")}
	if out, err := exec.Command(l.ip, "link", "add", "p0", "type", "veth", "peer", "name", "p1").CombinedOutput(); err != nil {
		t.Skipf("an interface: %v %s", err, out)
	}
	l.up()
	return l
}

func (l *link) run(args ...string) {
	l.t.Helper()
	if out, err := exec.Command(l.ip, args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %v: %v %s", args, err, out)
	}
}

func (l *link) up() {
	l.t.Helper()
	l.run("addr", "add", "fe80::1/64", "dev", "p0", "nodad")
	l.run("link", "set", "p1", "up")
	l.run("link", "set", "p0", "up")
}

func (l *link) remove() { l.run("link", "del", "p0") }

// again creates the interface again, with another index.
func (l *link) again() {
	l.t.Helper()
	l.run("link", "add", "p0", "type", "veth", "peer", "name", "p1")
	l.up()
}

// works reports whether a client is served.
func works(p *harness.Plug) bool {
	c, err := harness.DialFrom("", p.Addr())
	if err != nil {
		return false
	}
	defer c.Close()
	return harness.Ping(c) == nil
}

// A target is reached again within seconds when its interface is created
// again, and was not marked failed because of the missing interface; records
// show the interface by its name.
func TestTargetsZoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	l := newLink(t)
	b := harness.Serve(t, "[::]:0", harness.Echo)
	target := fmt.Sprintf("[fe80::1%%p0]:%d", b.Port)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, "-l", "*:{port}", target)
		for range 2 {
			harness.ShortSession(t, p)
			l.remove()
			if works(p) {
				t.Error("a session without the interface")
			}
			l.again()
			harness.Await(t, "the target to be reached again", harness.NormalWait, func() bool { return works(p) })
			if n := len(harness.ParseSessions(t, p.Sessions)); n < 2 {
				t.Errorf("%d session lines", n)
			}
		}
		for _, line := range harness.ParseSessions(t, p.Sessions) {
			if line.Target != target {
				t.Errorf("a session line says %s, not %s", line.Target, target)
			}
		}
		p.Syslog.Await(t, `\(\d+\): Connect from 127\.0\.0\.1 to fe80::1%p0`)
	})
}

// A plug that listens at a link-local address is reachable again when the
// interface is created again, also if its master has been replaced since.
func TestSourcesZoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	l := newLink(t)
	p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, "[fe80::1%p0]:{port}", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	works := func() bool {
		i, err := net.InterfaceByName("p0") // Go's net remembers the index of a name for a minute
		if err != nil {
			return false
		}
		c, err := harness.DialFrom("", fmt.Sprintf("[fe80::1%%%d]:%d", i.Index, p.Port))
		if err != nil {
			return false
		}
		defer c.Close()
		return harness.Ping(c) == nil
	}
	for range 2 {
		harness.Await(t, "clients to be served", harness.NormalWait, works)
		l.remove()
		l.again()
		harness.Await(t, "clients to be served again", harness.NormalWait, works)
		p.Upgrade(harness.NextVersion)
	}
}

// A client with a link-local address is recorded with its interface.
func TestClientsZoneIsRecorded(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	newLink(t)
	target := harness.Serve(t, harness.Anywhere, harness.Echo)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, "*:{port}", target.Addr())
		c := harness.Dial(t, fmt.Sprintf("[fe80::1%%p0]:%d", p.Port))
		harness.MustPing(t, c)
		harness.Finish(c)
		if peer := p.Lines(1)[0].Peer; peer != "fe80::1%p0" {
			t.Errorf("the session line has the client %s, not fe80::1%%p0", peer)
		}
	})
}

// A zone may be an interface's number.
func TestZoneByNumber(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	newLink(t)
	i, err := net.InterfaceByName("p0")
	if err != nil {
		t.Fatal(err)
	}
	b := harness.Serve(t, "[::]:0", harness.Echo)
	p := harness.Start(t, "prefork", "*:{port}", fmt.Sprintf("[fe80::1%%%d]:%d", i.Index, b.Port))
	harness.ShortSession(t, p)
	p.Lines(1)
}

// Records of the master and of workers for a syslog daemon on such an
// interface reach it, also when the interface has been created again.
func TestSyslogsZone(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	l := newLink(t)
	c, err := net.ListenPacket("udp6", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(harness.TalkBound))
	port := c.LocalAddr().(*net.UDPAddr).Port
	p := harness.Start(t, "prefork", "-l", "--syslog", fmt.Sprintf("udp://[fe80::1%%p0]:%d", port), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	hears := func(what string) {
		t.Helper()
		for p := make([]byte, 2048); ; {
			n, _, err := c.ReadFrom(p)
			if err != nil {
				t.Fatalf("waiting for %q: %v", what, err)
			}
			if strings.Contains(string(p[:n]), what) {
				return
			}
		}
	}
	hears("Plugdaemon started.")
	harness.ShortSession(t, p)
	hears("Complete.")
	l.remove()
	l.again()
	done := make(chan struct{})
	go func() { hears("Complete."); close(done) }()
	harness.Await(t, "the records of workers after that", harness.NormalWait, func() bool {
		harness.ShortSession(t, p)
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}

// The workers' records use the same interface as the master's, and no other:
// the kernel looks for the daemon's neighbour there.
func TestSyslogsZoneOfWorkers(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	var l *link
	others := []string{"a0", "z0"} // created before p0 and after it: the kernel would choose one of them
	for _, name := range []string{"a0", "p0", "z0"} {
		if name == "p0" {
			l = newLink(t)
			continue
		}
		for _, args := range [][]string{{"link", "add", name, "type", "veth", "peer", "name", name + "p"}, {"addr", "add", "fe80::3/64", "dev", name, "nodad"},
			{"link", "set", name + "p", "up"}, {"link", "set", name, "up"}} {
			if out, err := exec.Command(harness.Program(t, "ip"), args...).CombinedOutput(); err != nil {
				t.Skipf("ip %v: %v %s", args, err, out)
			}
		}
	}
	p := harness.Start(t, "prefork", "-l", "--syslog", "udp://[fe80::99%p0]:514", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	looks := func(at string) bool {
		out, err := exec.Command(l.ip, "-6", "neigh", "show", "dev", at).CombinedOutput()
		if err != nil {
			t.Fatalf("neighbours: %v %s", err, out)
		}
		return strings.Contains(string(out), "fe80::99 ")
	}
	harness.ShortSession(t, p)
	p.Lines(1)
	harness.Await(t, "the records to leave by p0", harness.NormalWait, func() bool { return looks("p0") })
	p.Stop()
	for _, name := range others {
		if looks(name) {
			t.Errorf("records have left by %s", name)
		}
	}
}

// An upgrade keeps an admin's setting of a target, and its counters, even if
// its interface was created again.
func TestUpgradeKeepsTargetWithZone(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	l := newLink(t)
	b := harness.Serve(t, "[::]:0", harness.Echo)
	name := fmt.Sprintf("[fe80::1%%p0]:%d", b.Port)
	p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, harness.WithControl("*:{port}", name, fmt.Sprintf("127.0.0.1:%d", b.Port))...)
	for range 4 {
		harness.ShortSession(t, p)
	}
	state := func() string {
		t.Helper()
		text := p.CtlText("targets", "--json")
		_, text, _ = strings.Cut(text, name)
		text, _, _ = strings.Cut(text, "}")
		return text
	}
	p.CtlText("target", "disable", name)
	before := state()
	if !strings.Contains(before, "disabled") {
		t.Fatalf("disabled, but targets says %s", before)
	}
	l.remove()
	l.again()
	p.Upgrade(harness.NextVersion)
	if after := state(); after != before {
		t.Errorf("after the upgrade targets says %s, before it %s", after, before)
	}
}
