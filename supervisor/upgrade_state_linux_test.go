// Tests of what an old master sends: it is a copy, which a master that goes on does
// not change.

package supervisor

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What a new master is told is what this one had when it froze: TERM, which changes
// every worker, may come while the rest is being sent.
func TestBequeathIsACopy(t *testing.T) {
	s := newStage(t, nil)
	s.watcher.Start()
	fd, _ := canary(t)
	for i := range batchOf + 1 {
		s.roster = append(s.roster, &child{id: uint64(i), slot: i, pid: 5000 + i, state: busy, generation: s.generation, lifeline: fd, pidfd: fd})
	}
	last := s.roster[batchOf]
	had := last.record()
	t.Cleanup(func() { s.roster = nil }) // before the stage closes lifelines
	old, own := wired(t)
	u := &upgrade{m: s.master, wire: old, over: make(chan struct{})}
	s.upgrading = u
	sent := make(chan error, 1)
	go func() { sent <- u.sendState() }()
	call := <-s.calls
	call()
	took := func(kind string) *message {
		t.Helper()
		m, fds, err := own.expect(kind, patience)
		if err != nil {
			t.Fatal(err)
		}
		closeAll(fds)
		return m
	}
	took(wireGeneration)
	sum := uint64(0)
	for _, r := range took(wireChildren).Children {
		sum += r.sum()
	}
	s.thaw()
	last.state, last.listed, last.lifeline = draining, true, -1 // what TERM and its death do
	if err := own.send(&message{Kind: wireTaken}); err != nil {
		t.Fatal(err)
	}
	m := took(wireChildren)
	if len(m.Children) != 1 || m.Children[0] != had {
		t.Errorf("the last worker came as %+v, was %+v", m.Children, had)
	}
	if err := own.send(&message{Kind: wireTaken}); err != nil {
		t.Fatal(err)
	}
	if end := took(wireEnd).End; end.Children != batchOf+1 || end.Sum != sum+had.sum() {
		t.Errorf("%d workers, sum %d; want %d, %d", end.Children, end.Sum, batchOf+1, sum+had.sum())
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	unix.Close(fd)
}
