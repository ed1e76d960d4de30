// Tests of what a new master receives from a simulated old one, message by message,
// and of how it waits for the commit.

package supervisor

import (
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/handover"
)

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
		checkError(t, c.name, (&takeover{wire: own, old: c.old}).awaitCommit(), c.want)
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

// oldMaster is the old master's side of a handover, played by a test.
type oldMaster struct {
	t    *testing.T
	wire handover.Wire
}

func (o oldMaster) send(m *handover.Message, fds ...int) {
	o.t.Helper()
	if err := o.wire.Send(m, fds...); err != nil {
		o.t.Fatal(err)
	}
}

func (o oldMaster) expect(kind string) {
	o.t.Helper()
	if _, _, err := o.wire.Expect(kind, patience); err != nil {
		o.t.Fatal(err)
	}
}

// sendState sends one plug's state: a generation, five workers in three batches, and
// three session lines. It returns the matching end record.
func (o oldMaster) sendState(g *generation) *handover.EndRecord {
	o.t.Helper()
	plug := g.plug.id
	o.send(&handover.Message{Kind: handover.KindGeneration, Generation: &handover.GenerationRecord{Plug: plug, Number: 3}}, g.assignment, g.state, g.report)
	end := &handover.EndRecord{Plugs: 1, Generations: 1, Lines: 3}
	records, fds := childRecords(o.t, g, 5)
	each := len(fds) / 5
	for i := 0; i < 5; i += 2 {
		n := min(2, 5-i)
		o.send(&handover.Message{Kind: handover.KindChildren, Children: records[i : i+n]}, fds[each*i:each*(i+n)]...)
		o.expect(handover.KindTaken)
		for _, r := range records[i : i+n] {
			end.Sum += r.Sum()
			end.Children++
		}
	}
	handover.CloseAll(fds)
	o.send(&handover.Message{Kind: handover.KindState, State: &handover.PlugState{Plug: plug, Totals: counters.Totals{BytesIn: 8}}})
	for _, lines := range [][]string{{"one\n", "two\n"}, {"three\n"}} {
		o.send(&handover.Message{Kind: handover.KindLines, Lines: &handover.LineBatch{Plug: plug, Lines: lines}})
	}
	return end
}

// receive takes the old master's state in the order in which it is sent, and
// confirms each batch.
func TestReceive(t *testing.T) {
	g := oldGeneration(t, 3, 9)
	for name, c := range map[string]struct {
		spoil func(*handover.EndRecord)
		want  string // the error's text; empty for no error
	}{
		"complete":      {func(*handover.EndRecord) {}, ""},
		"a lost worker": {func(e *handover.EndRecord) { e.Children++ }, "counts differ"},
		"a lost line":   {func(e *handover.EndRecord) { e.Lines++ }, "counts differ"},
		"a lost plug":   {func(e *handover.EndRecord) { e.Plugs++ }, "counts differ"},
	} {
		wire, own := handoverPair(t)
		old := oldMaster{t, wire}
		var e *received
		got := make(chan error, 1)
		go func() {
			var err error
			e, err = (&takeover{m: g.plug.m, wire: own, offered: map[uint32]*plug{g.plug.id: g.plug}}).receive()
			got <- err
		}()
		old.expect(handover.KindFreeze)
		end := old.sendState(g)
		c.spoil(end)
		lock, _ := trackedFD(t)
		old.send(&handover.Message{Kind: handover.KindEnd, End: end}, lock)
		if c.want == "" {
			old.expect(handover.KindVerified)
		}
		err := <-got
		checkError(t, name, err, c.want)
		if err == nil {
			checkReceived(t, name, e, g.plug)
			closeReceived(e)
		}
	}
}

// checkReceived checks that what sendState sends has been received.
func checkReceived(t *testing.T, name string, e *received, p *plug) {
	t.Helper()
	if len(e.children) != 5 || len(e.generations) != 1 {
		t.Errorf("%s: %d workers of %d generations, want 5 of 1", name, len(e.children), len(e.generations))
	}
	if e.pidfile < 0 {
		t.Errorf("%s: no pidfile", name)
	}
	state := e.plugs[p]
	if state == nil {
		t.Fatalf("%s: no state of the plug", name)
	}
	if state.Totals.BytesIn != 8 {
		t.Errorf("%s: %d bytes in the totals, want 8", name, state.Totals.BytesIn)
	}
	if want := []string{"one\n", "two\n", "three\n"}; !slices.Equal(state.lines, want) {
		t.Errorf("%s: lines %q, want %q", name, state.lines, want)
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
			w.Send(&handover.Message{Kind: handover.KindState, State: &handover.PlugState{Plug: 9}})
		}, "plug 9"},
		"no plug's lines": {func(w handover.Wire) { w.Send(&handover.Message{Kind: handover.KindLines}) }, "without session lines"},
		"lines of another plug": {func(w handover.Wire) {
			w.Send(&handover.Message{Kind: handover.KindLines, Lines: &handover.LineBatch{Plug: 9}})
		}, "plug 9"},
		"an abort": {func(w handover.Wire) { w.Abort("no memory") }, "no memory"},
	} {
		old, own := handoverPair(t)
		c.do(old)
		e, err := (&takeover{m: newMaster(&config.Process{}, nil), wire: own}).receive()
		checkError(t, name, err, c.want)
		if e != nil {
			t.Errorf("%s: received %+v", name, e)
		}
	}
}
