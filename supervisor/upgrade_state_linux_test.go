// Tests of what an old master sends: it is a copy, which does not change if the
// master continues.

package supervisor

import (
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/handover"
)

// A new master gets this one's state at the freeze: TERM, which changes every
// worker, may come while the rest is being sent.
func TestSentStateIsACopy(t *testing.T) {
	s := newTestMaster(t, nil)
	s.watcher.Start()
	fd, _ := trackedFD(t)
	for i := range handover.Batch + 1 {
		s.roster = append(s.roster, &child{id: uint64(i), slot: i, pid: 5000 + i, state: busy, generation: s.plug.generation, lifeline: fd, pidfd: fd})
	}
	last := s.roster[handover.Batch]
	had := last.record()
	t.Cleanup(func() { s.roster = nil }) // before the master's cleanup closes the lifelines
	old, own := handoverPair(t)
	u := &upgrade{m: s.master, wire: old, over: make(chan struct{})}
	s.upgrades.current = u
	sent := make(chan error, 1)
	go func() { sent <- u.sendState() }()
	call := <-s.calls
	call()
	took := func(kind string) *handover.Message {
		t.Helper()
		m, fds, err := own.Expect(kind, patience)
		if err != nil {
			t.Fatal(err)
		}
		handover.CloseAll(fds)
		return m
	}
	took(handover.KindGeneration)
	sum := uint64(0)
	for _, r := range took(handover.KindChildren).Children {
		sum += r.Sum()
	}
	s.thaw()
	last.state, last.listed, last.lifeline = draining, true, -1 // what TERM and the worker's death do
	if err := own.Send(&handover.Message{Kind: handover.KindTaken}); err != nil {
		t.Fatal(err)
	}
	m := took(handover.KindChildren)
	if len(m.Children) != 1 || m.Children[0] != had {
		t.Errorf("the last worker was received as %+v, want %+v", m.Children, had)
	}
	if err := own.Send(&handover.Message{Kind: handover.KindTaken}); err != nil {
		t.Fatal(err)
	}
	took(handover.KindState)
	if end := took(handover.KindEnd).End; end.Children != handover.Batch+1 || end.Sum != sum+had.Sum() {
		t.Errorf("%d workers, sum %d; want %d, %d", end.Children, end.Sum, handover.Batch+1, sum+had.Sum())
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	unix.Close(fd)
}
