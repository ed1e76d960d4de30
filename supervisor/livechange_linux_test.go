// Tests of live changes in the master: which slots targets get, what workers are sent,
// and when the slot of a removed target may be used again.

package supervisor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// targetsAt returns targets at these ports.
func targetsAt(ports ...int) (all []config.Target) {
	for _, p := range ports {
		all = append(all, config.Target{Addr: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(p)), Port: uint16(p)})
	}
	return all
}

// changes makes a live change of the plug's targets.
func (s *testMaster) changes(ports ...int) error {
	s.t.Helper()
	cfg := *s.plug.cfg
	cfg.Targets = targetsAt(ports...)
	l, err := s.plug.prepareLive(s.plug.generation, s.cfg, &cfg)
	if err != nil {
		return err
	}
	s.plug.cfg = &cfg
	return l.commit()
}

// ports returns the ports of the targets that clients get, in their order, with their
// slots.
func (s *testMaster) ports() string {
	b := s.plug.generation.board
	var all []string
	for place := range b.Places() {
		slot := b.SlotAt(place)
		all = append(all, fmt.Sprintf("%d@%d", b.Target(slot).Addr.Port, slot))
	}
	return strings.Join(all, " ")
}

// A target keeps its slot as long as the generation lives; a new one gets a slot of its
// own.
func TestTargetsKeepTheirSlots(t *testing.T) {
	s, _ := serving(t, func(c *settings) { c.Targets = targetsAt(1, 2, 3) })
	for _, c := range []struct {
		ports []int
		want  string
	}{
		{[]int{1, 2, 3}, "1@0 2@1 3@2"},
		{[]int{3, 1}, "3@2 1@0"},
		{[]int{4, 3}, "4@3 3@2"},
		{[]int{2, 4, 2}, "2@1 4@3 2@4"}, // named twice
		{[]int{1, 2, 3}, "1@0 2@1 3@2"},
	} {
		if err := s.changes(c.ports...); err != nil {
			t.Fatal(err)
		}
		if got := s.ports(); got != c.want {
			t.Errorf("targets %v: %s, want %s", c.ports, got, c.want)
		}
		var names []string
		for _, target := range s.plug.targets() {
			names = append(names, strings.TrimPrefix(target.Target, "192.0.2.1:"))
		}
		if got := strings.Join(names, " "); got != strings.Trim(fmt.Sprint(c.ports), "[]") {
			t.Errorf("shown are %s, want %v", got, c.ports)
		}
	}
}

// Every worker is sent the new assignment; one whose lifeline is full gets it later.
func TestWorkersAreSentTheAssignment(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin, c.Targets = 3, targetsAt(1) })
	for _, a := range all {
		a.orders()
	}
	for unix.Send(all[1].child.lifeline, []byte{byte(report.Gate)}, unix.MSG_DONTWAIT) == nil {
	}
	if err := s.changes(2); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 2} {
		orders, fds := all[i].ordersWith(t)
		if orders != string(rune(report.Follow)) || len(fds) != 1 || !sameMemory(fds[0], s.plug.generation.assignment) {
			t.Errorf("worker %d got %q with %d descriptors", i, orders, len(fds))
		}
	}
	if !all[1].behind {
		t.Fatal("the worker whose lifeline is full is not noted")
	}
	for all[1].orders() != "" {
	}
	s.plug.sendLate()
	if orders, fds := all[1].ordersWith(t); orders != string(rune(report.Follow)) || len(fds) != 1 || all[1].behind {
		t.Errorf("later it got %q with %d descriptors", orders, len(fds))
	}
	if e := s.plug.generation.board.State.Epoch.Load(); e != 1 {
		t.Errorf("epoch %d is valid, want 1", e)
	}
}

// sameMemory reports whether two descriptors are of the same file.
func sameMemory(a, b int) bool {
	var x, y unix.Stat_t
	return unix.Fstat(a, &x) == nil && unix.Fstat(b, &y) == nil && x.Ino == y.Ino && x.Dev == y.Dev
}

// ordersWith returns the next orders on a worker's lifeline, and their descriptors, which
// are closed when the test ends.
func (a *testWorker) ordersWith(t *testing.T) (string, []int) {
	t.Helper()
	p, control := make([]byte, 100), make([]byte, unix.CmsgSpace(4))
	n, oob, _, _, err := unix.Recvmsg(a.lifeline, p, control, unix.MSG_DONTWAIT)
	if err != nil {
		return "", nil
	}
	messages, err := unix.ParseSocketControlMessage(control[:oob])
	if err != nil || len(messages) == 0 {
		return string(p[:n]), nil
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
	return string(p[:n]), fds
}

// A slot is used again only when all are used, and only if no row names it and every
// worker follows an assignment without its target.
func TestSlotsAreUsedAgain(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.Targets = targetsAt(1, 2, 3) })
	g := s.plug.generation
	row := s.addSession(all[0], "10.0.0.1:1") // with the target in slot 0
	follow := func() {
		for _, a := range all {
			g.board.Column(a.slot).Epoch.Store(g.board.Assignment.Epoch)
		}
	}
	for port := 10; port < 10+board.TargetSlots-3; port += 1000 {
		var ports []int
		for p := port; p < min(port+1000, 10+board.TargetSlots-3); p++ {
			ports = append(ports, p)
		}
		if err := s.changes(ports...); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.board.Assignment.TargetCount; n != board.TargetSlots {
		t.Fatalf("%d slots are used", n)
	}
	if err := s.changes(9, 8); err == nil || !strings.Contains(err.Error(), "no free slot") {
		t.Errorf("a slot was used again before the workers follow: %v, %s", err, s.ports())
	}
	follow()
	g.board.TargetState(1).Failed.Store(1)
	if err := s.changes(9, 8); err != nil {
		t.Fatal(err)
	}
	if got := s.ports(); got != "9@1 8@2" {
		t.Errorf("%s, want the slots 1 and 2, which no session uses", got)
	}
	if g.board.TargetState(1).Failed.Load() != 0 {
		t.Error("the new target has failed like the one before it")
	}
	row.Free()
	follow()
	if err := s.changes(9, 8, 7); err != nil || s.ports() != "9@1 8@2 7@0" {
		t.Errorf("%s, %v; want slot 0 for the third one", s.ports(), err)
	}
}

// The sessions of a removed target count until they end, and then it is not shown any
// more.
func TestRemovedTargetIsShown(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.Targets = targetsAt(1, 2) })
	row := s.addSession(all[0], "10.0.0.1:1")
	if err := s.changes(2); err != nil {
		t.Fatal(err)
	}
	states := func() (all []string) {
		for _, target := range s.plug.targets() {
			all = append(all, target.Target+" "+target.State)
		}
		return all
	}
	if got := states(); !slices.Equal(got, []string{"192.0.2.1:2 good", "192.0.2.1:1 removed"}) {
		t.Errorf("with its session: %q", got)
	}
	row.Free()
	if got := states(); !slices.Equal(got, []string{"192.0.2.1:2 good"}) {
		t.Errorf("without: %q", got)
	}
}
