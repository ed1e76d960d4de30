// Tests of what a new master takes over: rotation, affinity and target states on
// the board, the roster from a simulated old master, and how it waits for the
// commit.

package supervisor

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
)

// withTargets returns a generation with targets at these ports.
func withTargets(t testing.TB, number uint32, ports ...uint16) *generation {
	t.Helper()
	cfg := &config.Plug{Mode: config.Prefork, Sticky: true, StickyTimeout: time.Hour}
	for _, p := range ports {
		cfg.Targets = append(cfg.Targets, config.Target{Addr: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), p), Port: p})
	}
	g, err := newGeneration(number, new(config.Process), cfg, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return g
}

// carryState copies the shared state from one generation to the next, as a switch does.
func carryState(from, to *generation, sticky bool) {
	same := false
	from.moved, same = matchTargets(from.board, to.board)
	from.carry(to.board, same, sticky)
	from.moved = nil
}

// client returns the address of client number n.
func client(n int) *board.Addr {
	a := convert.From(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}), 1024))
	return &a
}

// port returns the target that a client gets, by its port.
func port(t testing.TB, g *generation, n int, now uint64) uint16 {
	t.Helper()
	slot, ok := g.board.Choose(new(board.Tried), client(n), now)
	if !ok {
		t.Fatalf("client %d gets no target", n)
	}
	return g.board.Target(slot).Addr.Port
}

// With the same targets, everything continues unchanged.
func TestCarryTheSameTargets(t *testing.T) {
	const now = 5_000_000
	a, b := withTargets(t, 1, 1, 2, 3), withTargets(t, 2, 1, 2, 3)
	b.board.Assignment.AffinityKey = a.board.Assignment.AffinityKey
	a.board.Fail(1, now) // target 2
	had := map[int]uint16{}
	for n := range 5 {
		had[n] = port(t, a, n, now)
	}
	a.board.TargetState(2).Connects.Store(77)
	a.board.TargetState(2).Failures.Store(7)

	carryState(a, b, true)
	for n, want := range had {
		if got := port(t, b, n, now); got != want {
			t.Errorf("client %d gets %d, was with %d", n, got, want)
		}
	}
	if m := b.board.TargetState(2); m.Connects.Load() < 77 || m.Failures.Load() != 7 {
		t.Errorf("target 3 has %d connects, %d failures", m.Connects.Load(), m.Failures.Load())
	}
	for n := range 4 {
		if got := port(t, b, 90+n, now); got == 2 {
			t.Error("a new client gets the failed target")
		}
	}
}

// Rotation continues where it was, for every number of steps.
func TestCarryRotation(t *testing.T) {
	const now = 5_000_000
	for steps := range 7 {
		a, b := withTargets(t, 1, 1, 2, 3), withTargets(t, 2, 1, 2, 3)
		for n := range steps {
			port(t, a, n, now)
		}
		carryState(a, b, false)
		if got, want := port(t, b, 100, now), uint16(steps%3+1); got != want {
			t.Errorf("after %d sessions the next one gets %d, want %d", steps, got, want)
		}
	}
}

// A target that is named twice gets twice the share; that continues, too.
func TestCarryDoubledTargets(t *testing.T) {
	const now = 5_000_000
	for steps := range 7 {
		a, b := withTargets(t, 1, 1, 1, 2), withTargets(t, 2, 1, 1, 2)
		for n := range steps {
			port(t, a, n, now)
		}
		a.board.TargetState(0).Connects.Store(10)
		a.board.TargetState(1).Connects.Store(20)
		carryState(a, b, false)
		if x, y := b.board.TargetState(0).Connects.Load(), b.board.TargetState(1).Connects.Load(); x != 10 || y != 20 {
			t.Errorf("the doubled target's connects are %d and %d, were 10 and 20", x, y)
		}
		if got, want := port(t, b, 100, now), []uint16{1, 1, 2}[steps%3]; got != want {
			t.Errorf("after %d sessions the next one gets %d, want %d", steps, got, want)
		}
	}
}

// With other targets, or in another order, the state is kept by address.
func TestCarryOtherTargets(t *testing.T) {
	const now = 5_000_000
	a := withTargets(t, 1, 1, 2, 3)
	had := map[int]uint16{}
	for n := range 6 {
		had[n] = port(t, a, n, now)
	}
	a.board.Fail(1, now) // target 2
	for i := range 3 {
		a.board.TargetState(i).Connects.Store(uint64(10 + i))
	}
	b := withTargets(t, 2, 4, 3, 2) // 1 is gone, 4 is new
	b.board.Assignment.AffinityKey = a.board.Assignment.AffinityKey
	carryState(a, b, true)
	for i, want := range []uint64{0, 12, 11} {
		if got := b.board.TargetState(i).Connects.Load(); got != want {
			t.Errorf("target %d has %d connects, want %d", b.board.Target(i).Addr.Port, got, want)
		}
	}
	for n, was := range had {
		got := port(t, b, n, now)
		if was == 3 && got != 3 {
			t.Errorf("client %d gets %d, was with 3", n, got)
		}
		if got == 2 {
			t.Errorf("client %d gets the failed target", n)
		}
	}
}

// Without -f no client's target is remembered.
func TestCarryWithoutAffinity(t *testing.T) {
	const now = 5_000_000
	a, b := withTargets(t, 1, 1, 2), withTargets(t, 2, 1, 2)
	b.board.Assignment.AffinityKey = a.board.Assignment.AffinityKey
	port(t, a, 1, now) // to target 1
	carryState(a, b, false)
	if got := port(t, b, 1, now); got != 2 {
		t.Errorf("the client gets %d again", got)
	}
}

// The commit is the old master's message, or its death; a closed socket on its
// own is neither.
func TestAwaitCommit(t *testing.T) {
	const dead = 1 << 22 // not a parent of this process
	for _, c := range []struct {
		name string
		old  int
		do   func(handover.Wire)
		want string // the error's text; empty for no error
	}{
		{"the commit", os.Getppid(), func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindCommit}) }, ""},
		{"the commit, and its death", dead, func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindCommit}); hangUp(w) }, ""},
		{"its death", dead, func(w handover.Wire) { hangUp(w) }, ""},
		{"a closed socket", os.Getppid(), func(w handover.Wire) { hangUp(w) }, "closed"},
		{"an abort", os.Getppid(), func(w handover.Wire) { w.Abort("TERM") }, "TERM"},
		{"an abort, and its death", dead, func(w handover.Wire) { w.Abort("TERM"); hangUp(w) }, "TERM"},
		{"another message", os.Getppid(), func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindOffer}) }, handover.KindOffer},
		{"garbage, and its death", dead, func(w handover.Wire) { w.Send(&handover.Message{Kind: "x"}); hangUp(w) }, `"x"`},
	} {
		old, own := handoverPair(t)
		c.do(old)
		err := (&takeover{wire: own, old: c.old}).awaitCommit()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// It waits as long as the old master exists, without a time limit.
func TestAwaitCommitHasNoTimeLimit(t *testing.T) {
	old, own := handoverPair(t)
	got := make(chan error, 1)
	go func() { got <- (&takeover{wire: own, old: os.Getppid()}).awaitCommit() }()
	select {
	case err := <-got:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(handover.AnswerWithin + 200*time.Millisecond):
	}
	if err := old.Send(&handover.Message{Kind: handover.KindCommit}); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// receive takes the old master's state in the order in which it is sent, and
// confirms each batch.
func TestReceive(t *testing.T) {
	g := oldGeneration(t, 3, 9)
	for name, c := range map[string]struct {
		spoil func(*handover.EndRecord)
		want  string
	}{
		"complete":      {func(*handover.EndRecord) {}, ""},
		"a lost worker": {func(e *handover.EndRecord) { e.Children++ }, "counts differ"},
		"a lost line":   {func(e *handover.EndRecord) { e.Lines++ }, "counts differ"},
		"a lost plug":   {func(e *handover.EndRecord) { e.Plugs++ }, "counts differ"},
	} {
		old, own := handoverPair(t)
		type result struct {
			e   *received
			err error
		}
		got := make(chan result, 1)
		go func() {
			e, err := (&takeover{m: g.plug.m, wire: own}).receive()
			got <- result{e, err}
		}()
		said := func(kind string) {
			t.Helper()
			if _, _, err := old.Expect(kind, patience); err != nil {
				t.Fatal(err)
			}
		}
		say := func(m *handover.Message, fds ...int) {
			t.Helper()
			if err := old.Send(m, fds...); err != nil {
				t.Fatal(err)
			}
		}
		said(handover.KindFreeze)
		say(&handover.Message{Kind: handover.KindGeneration, Generation: &handover.GenerationRecord{Plug: g.plug.name(), Number: 3}}, g.assignment, g.state, g.report)
		end := &handover.EndRecord{Plugs: 1, Generations: 1, Lines: 3}
		records, fds := childRecords(t, g, 5)
		each := len(fds) / 5
		for i := 0; i < 5; i += 2 {
			n := min(2, 5-i)
			say(&handover.Message{Kind: handover.KindChildren, Children: records[i : i+n]}, fds[each*i:each*(i+n)]...)
			said(handover.KindTaken)
			for _, r := range records[i : i+n] {
				end.Sum += r.Sum()
				end.Children++
			}
		}
		handover.CloseAll(fds)
		say(&handover.Message{Kind: handover.KindState, State: &handover.PlugState{Plug: g.plug.name(), Totals: counters.Totals{BytesIn: 8}}})
		for _, lines := range [][]string{{"one\n", "two\n"}, {"three\n"}} {
			say(&handover.Message{Kind: handover.KindLines, Lines: &handover.LineBatch{Plug: g.plug.name(), Lines: lines}})
		}
		c.spoil(end)
		lock, _ := trackedFD(t)
		say(&handover.Message{Kind: handover.KindEnd, End: end}, lock)
		if c.want == "" {
			said(handover.KindVerified)
		}
		r := <-got
		if c.want != "" {
			if r.err == nil || !strings.Contains(r.err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, r.err, c.want)
			}
			continue
		}
		if r.err != nil || len(r.e.children) != 5 || len(r.e.generations) != 1 || r.e.pidfile < 0 || r.e.plugs[g.plug].Totals.BytesIn != 8 || len(r.e.plugs[g.plug].lines) != 3 {
			t.Fatalf("%s: %+v, %v", name, r.e, r.err)
		}
		closeReceived(r.e)
	}
}

// Silence, messages in another order, or an end in the middle: nothing is received.
func TestReceiveFails(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(handover.Wire)
		want string
	}{
		"silence": {func(handover.Wire) {}, os.ErrDeadlineExceeded.Error()},
		"an end":  {func(w handover.Wire) { unix.Shutdown(w.FD, unix.SHUT_WR) }, handover.ErrClosed.Error()},
		"workers without a generation": {func(w handover.Wire) {
			w.Send(&handover.Message{Kind: handover.KindChildren, Children: []handover.ChildRecord{{PID: 5000}}})
		}, "descriptors"},
		"the commit at once":          {func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindCommit}) }, handover.KindCommit},
		"an end without counts":       {func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindEnd}) }, "no counts"},
		"a generation without memory": {func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindGeneration}) }, "descriptors"},
		"no plug's state":             {func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindState}) }, "without the state"},
		"the state of another plug": {func(w handover.Wire) {
			w.Send(&handover.Message{Kind: handover.KindState, State: &handover.PlugState{Plug: "x"}})
		}, `"x"`},
		"no plug's lines": {func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindLines}) }, "without session lines"},
		"lines of another plug": {func(w handover.Wire) {
			w.Send(&handover.Message{Kind: handover.KindLines, Lines: &handover.LineBatch{Plug: "x"}})
		}, `"x"`},
		"an abort": {func(w handover.Wire) { w.Abort("no memory") }, "no memory"},
	} {
		old, own := handoverPair(t)
		c.do(old)
		if e, err := (&takeover{m: newMaster(&config.Process{}, nil), wire: own}).receive(); err == nil || e != nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
