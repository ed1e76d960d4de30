// Tests of what is on the board of a new generation: every setting, limits, zones,
// and the rows in use.

package supervisor

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/address"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/board/memory"
)

// setting is one setting of the command line, and its place on the board.
type setting struct {
	name string
	set  func(*settings)
	is   func(*board.Board) bool
}

// addrPort parses an address and a port.
var addrPort = netip.MustParseAddrPort

// option returns a function that reports whether a board has an option.
func option(bit uint32) func(*board.Board) bool {
	return func(b *board.Board) bool { return b.Assignment.Options&bit != 0 }
}

// assigned returns a function that reports whether a board's assignment is right.
func assigned(is func(*board.Assignment) bool) func(*board.Board) bool {
	return func(b *board.Board) bool { return is(b.Assignment) }
}

var optionSettings = []setting{
	{"sticky", func(c *settings) { c.Sticky = true }, option(board.OptSticky)},
	{"ordered", func(c *settings) { c.Ordered = true }, option(board.OptOrdered)},
	{"keepalive", func(c *settings) { c.Keepalive = true }, option(board.OptKeepalive)},
	{"log", func(c *settings) { c.Log = true }, option(board.OptLog)},
	{"foreground", func(c *settings) { c.Foreground = true }, option(board.OptForeground)},
	{"log-format", func(c *settings) { c.LogFormat = "json" }, option(board.OptJSON)},
	{"session-log", func(c *settings) { c.SessionLog = "-" }, option(board.OptSession)},
	{"mode", func(c *settings) { c.Mode = config.Pool }, option(board.OptPool)},
	{"lifetime-end", func(c *settings) { c.LifetimeEnd = "reset" }, option(board.OptLifetimeReset)},
	{"linger", func(c *settings) { c.LingerReset = true }, option(board.OptLingerReset)},
}

var numberSettings = []setting{
	{"max-uses", func(c *settings) { c.MaxUses = 77 },
		assigned(func(a *board.Assignment) bool { return a.Uses == 77 })},
	{"connect-timeout", func(c *settings) { c.ConnectTimeout = 1500 * time.Millisecond },
		assigned(func(a *board.Assignment) bool { return a.ConnectTimeout == 1500 })},
	{"close-timeout", func(c *settings) { c.CloseTimeout = 2500 * time.Millisecond },
		assigned(func(a *board.Assignment) bool { return a.CloseTimeout == 2500 })},
	{"sticky-timeout", func(c *settings) { c.StickyTimeout = 90 * time.Second },
		assigned(func(a *board.Assignment) bool { return a.StickyFor == 90 })},
	{"timers", func(c *settings) {
		c.IdleTimeout, c.HalfClosedTimeout, c.FirstByteTimeout, c.FirstByteOf = time.Second, 2*time.Second, 3*time.Second, "target"
		c.Lifetime, c.LifetimeJitter, c.NegotiateTimeout, c.Linger = 1000*time.Hour, 20, 5*time.Second, 6*time.Second
	}, assigned(func(a *board.Assignment) bool {
		return a.IdleTimeout == 1000 && a.HalfClosedTimeout == 2000 && a.FirstByteTimeout == 3000 && a.FirstByteOf == board.OfTarget &&
			a.Lifetime == 3_600_000_000 && a.LifetimeJitter == 20 && a.NegotiateTimeout == 5000 && a.Linger == 6000
	})},
	{"keepalive with times", func(c *settings) {
		c.KeepaliveIdle, c.KeepaliveEvery, c.KeepaliveCount, c.KeepaliveOf = 5*time.Second, time.Second, 3, "target"
		c.UserTimeout, c.UserTimeoutOf, c.DSCP = 8*time.Second, "both", 10
	}, assigned(func(a *board.Assignment) bool {
		return a.Options&board.OptKeepalive != 0 && a.KeepaliveIdle == 5 && a.KeepaliveEvery == 1 && a.KeepaliveCount == 3 &&
			a.UserTimeout == 8000 && a.DSCP == 10
	})},
	{"retry-after", func(c *settings) { c.RetryAfter = 60 * time.Second },
		assigned(func(a *board.Assignment) bool { return a.RetryAfter == 60 })},
	{"debug", func(c *settings) { c.Debug = 2 },
		func(b *board.Board) bool { return b.State.LogAt.Load() == 2 }},
}

var addressSettings = []setting{
	{"source-address", func(c *settings) { c.SourceAddress = netip.MustParseAddr("192.0.2.7") },
		assigned(func(a *board.Assignment) bool { return a.Source.String() == "192.0.2.7:0" })},
	{"source-address, IPv6", func(c *settings) { c.SourceAddress = netip.MustParseAddr("2001:db8::7") },
		assigned(func(a *board.Assignment) bool { return a.Source.String() == "[2001:db8::7]:0" })},
	{"source interface", func(c *settings) { c.SourceInterface = "eth7" },
		assigned(func(a *board.Assignment) bool { return a.Interface.String() == "eth7" })},
	{"via", func(c *settings) { c.Via = addrPort("[2001:db8::3]:3128") },
		assigned(func(a *board.Assignment) bool { return a.Via.String() == "[2001:db8::3]:3128" })},
	{"source", func(c *settings) { c.Listeners[0] = config.Source{Port: 120} },
		assigned(func(a *board.Assignment) bool { return a.Label.String() == "120" && a.Tag.String() == "(120)" })},
	{"bind", func(c *settings) {
		c.Listeners[0] = config.Source{Addr: netip.MustParseAddr("::1"), Port: 120, Named: true}
	}, assigned(func(a *board.Assignment) bool {
		return a.Label.String() == "[::1]:120" && a.Tag.String() == "(::1 120)"
	})},
	{"syslog", func(c *settings) { c.Syslog.Path = "/run/log" },
		assigned(func(a *board.Assignment) bool { return a.Syslog.String() == "/run/log" })},
	{"syslog, UDP", func(c *settings) { c.Syslog.UDP = addrPort("192.0.2.9:514") },
		assigned(func(a *board.Assignment) bool { return a.SyslogUDP.String() == "192.0.2.9:514" })},
}

var tableSettings = []setting{
	{"allow", func(c *settings) {
		c.Rules = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	}, func(b *board.Board) bool {
		in, in6, out := convert.From(addrPort("10.1.2.3:1")), convert.From(addrPort("[2001:db8::9]:1")), convert.From(addrPort("11.1.2.3:1"))
		return b.Assignment.RuleCount == 2 && b.Admit(&in) && b.Admit(&in6) && !b.Admit(&out)
	}},
	{"targets", func(c *settings) {
		c.Targets = []config.Target{{Addr: addrPort("192.0.2.1:119"), Port: 119}, {Addr: addrPort("[2001:db8::1]:119"), Port: 119}}
	}, func(b *board.Board) bool {
		return b.Assignment.TargetCount == 2 && b.Target(0).Addr.String() == "192.0.2.1:119" && b.Target(1).Addr.String() == "[2001:db8::1]:119" &&
			b.Target(0).Name.String() == "192.0.2.1:119" && b.Target(1).Name.String() == "[2001:db8::1]:119"
	}},
	{"target by name", func(c *settings) { c.Targets = []config.Target{{Name: "news.example", Port: 119}} },
		func(b *board.Board) bool {
			return b.Assignment.TargetCount == 1 && b.Target(0).Addr.Kind == 0 && b.Target(0).Name.String() == "news.example:119"
		}},
}

// Each setting of the command line reaches its place on the board, and only if it
// was given.
func TestAssign(t *testing.T) {
	for _, c := range slices.Concat(optionSettings, numberSettings, addressSettings, tableSettings) {
		cfg := &settings{Plug: config.Plug{Mode: config.Fork, Listeners: []config.Source{{Port: 119}}}}
		without, with := newBoard(t), newBoard(t)
		if err := assignFirst(without, &cfg.Process, &cfg.Plug, 1); err != nil {
			t.Fatal(err)
		}
		c.set(cfg)
		if err := assignFirst(with, &cfg.Process, &cfg.Plug, 1); err != nil {
			t.Fatal(err)
		}
		if c.is(without) {
			t.Errorf("%s: set on the board without the option", c.name)
		}
		if !c.is(with) {
			t.Errorf("%s: not on the board", c.name)
		}
	}
}

// What is on the board without any setting.
func TestAssignAlways(t *testing.T) {
	cfg := &settings{Plug: config.Plug{Mode: config.Fork}}
	a, b := newBoard(t), newBoard(t)
	for _, board := range []*board.Board{a, b} {
		if err := assignFirst(board, &cfg.Process, &cfg.Plug, 3); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.Assignment.Listeners; n != 3 {
		t.Errorf("%d listeners, want 3", n)
	}
	if options := a.Assignment.Options; options != 0 {
		t.Errorf("options %b, want none", options)
	}
	if a.Assignment.AffinityKey == b.Assignment.AffinityKey {
		t.Error("two boards have the same affinity key")
	}
	if a.Assignment.AffinityKey == [2]uint64{} {
		t.Error("the affinity key is zero")
	}
	if host, _ := os.Hostname(); a.Assignment.Host.String() != host {
		t.Errorf("host %q", a.Assignment.Host.String())
	}
	if a.State.Gate.Load() != board.GateClosed {
		t.Error("the gate is open before a worker is ready")
	}
	for name, addr := range map[string]*board.Addr{"source": &a.Assignment.Source, "via": &a.Assignment.Via, "syslog": &a.Assignment.SyslogUDP} {
		if addr.Kind != 0 {
			t.Errorf("%s is %s, which was not configured", name, addr)
		}
	}
}

// The longest name and the greatest number of targets that a command line may have
// fit on the board.
func TestAssignLimits(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat(strings.Repeat("n", 61)+".", 5), ".")[:config.MaxName]
	cfg := &settings{Plug: config.Plug{Mode: config.Fork}}
	for range config.MaxTargets {
		cfg.Targets = append(cfg.Targets, config.Target{Name: long, Port: 65535})
	}
	for range config.MaxRules {
		cfg.Rules = append(cfg.Rules, netip.MustParsePrefix("10.0.0.0/8"))
	}
	a := newBoard(t)
	if err := assignFirst(a, &cfg.Process, &cfg.Plug, 1); err != nil {
		t.Fatal(err)
	}
	if got := a.Target(config.MaxTargets - 1).Name.String(); got != long+":65535" {
		t.Errorf("the last target is %q", got)
	}
	cfg.Targets = []config.Target{{Name: strings.Repeat("n", 300), Port: 1}}
	if err := assignFirst(a, &cfg.Process, &cfg.Plug, 1); err == nil {
		t.Error("a name that does not fit was accepted")
	}
}

// The limits of the command line equal those of the board. The two packages state
// them separately, because neither may import the other.
func TestLimitsAreTheBoards(t *testing.T) {
	if config.MaxRules != board.MaxRules {
		t.Errorf("at most %d rules, but the board has room for %d", config.MaxRules, board.MaxRules)
	}
	if config.MaxSticky != board.MaxSticky || config.StickySpan().Max != board.MaxSticky*time.Second {
		t.Errorf("--sticky-timeout may be up to %v, but the board's limit is %d s", config.StickySpan().Max, board.MaxSticky)
	}
	if config.MaxTargets >= board.TargetSlots {
		t.Errorf("at most %d targets, but the board has %d slots: no room for a new target", config.MaxTargets, board.TargetSlots)
	}
	if n := len(config.Target{Name: strings.Repeat("n", config.MaxName), Port: 65535}.String()); n > len(board.Target{}.Name.Buf) {
		t.Errorf("a target's text may have %d bytes, but the board has room for %d", n, len(board.Target{}.Name.Buf))
	}
}

func TestZones(t *testing.T) {
	for name, want := range map[string]uint32{"": 0, "no-such-interface": address.NoInterface, "7": 7, "0": address.NoInterface} {
		if got := host.ZoneOf(name); got != want {
			t.Errorf("zone %q is interface %d, want %d", name, got, want)
		}
	}
	cfg := &settings{Plug: config.Plug{Targets: []config.Target{{Addr: netip.MustParseAddrPort("[fe80::1%lo]:119"), Port: 119}}}}
	a := newBoard(t)
	if err := assignFirst(a, &cfg.Process, &cfg.Plug, 1); err != nil {
		t.Fatal(err)
	}
	if host.ZoneOf("lo") != 0 && a.Target(0).Addr.Zone != host.ZoneOf("lo") {
		t.Errorf("zone %d, want %d", a.Target(0).Addr.Zone, host.ZoneOf("lo"))
	}
}

func TestGeneration(t *testing.T) {
	cfg := newConfig()
	g, err := newGeneration(9, &cfg.Process, &cfg.Plug, 5, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	a := g.board.Assignment
	if a.Generation != 9 || a.Workers != 5 || a.Capacity != 3 || a.Listeners != 2 {
		t.Errorf("generation %d, %d workers of %d, %d listeners; want 9, 5 of 3, 2", a.Generation, a.Workers, a.Capacity, a.Listeners)
	}
	seen := map[int]bool{}
	for _, slot := range g.free {
		seen[slot] = true
	}
	if len(g.free) != 5 || len(seen) != 5 || len(g.slots) != 5 {
		t.Errorf("free slots %v of %d, want 5 different ones of 5", g.free, len(g.slots))
	}
	if first := g.free[len(g.free)-1]; first != 0 {
		t.Errorf("the first slot to be used is %d, want 0", first)
	}
	for _, fd := range []int{g.assignment, g.state, g.report, g.bell} {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d is not close-on-exec (%v)", fd, err)
		}
	}
	for _, fd := range []int{g.report, g.bell} {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("the report pipe blocks (%v)", err)
		}
	}
}

// Only rows that were used are read.
func TestRowsInUse(t *testing.T) {
	g, err := newGeneration(1, new(config.Process), &config.Plug{Mode: config.Pool}, 2, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	count := func() (n int) {
		for range g.rows(1) {
			n++
		}
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("%d rows of a worker that had no session", n)
	}
	g.board.Column(1).Rows.Store(3)
	if n := count(); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
	g.board.Column(1).Rows.Store(1 << 31) // an invalid value
	if n := count(); n > 2*100 {
		t.Errorf("%d rows of 100", n)
	}
	if g.carries(1) {
		t.Error("free rows count as a session")
	}
	g.board.Column(1).Rows.Store(3)
	g.board.Row(1, 2).Hold()
	if !g.carries(1) {
		t.Error("the session of worker 1 is not found")
	}
	if g.carries(0) {
		t.Error("worker 0 has a session")
	}
}

// newBoard makes a board whose memory is freed when the test ends.
func newBoard(t *testing.T) *board.Board {
	t.Helper()
	b, assignment, state, err := memory.New(board.Shape{Generation: 1, Workers: 1, Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		unix.Close(assignment)
		unix.Close(state)
	})
	return b
}
