//go:build linux && !portable

// Tests of live changes, with real workers: what follows a new assignment, what stays,
// and which assignments are refused.

package worker

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/board/memory"
	"daemon/plug/worker/report"
)

// several are two sessions at a time.
var several = board.Shape{Workers: 2, Capacity: 2}

// follows sends a worker an assignment with the next epoch, which set changes, and makes
// it the valid one.
func (b *boss) follows(h *hand, shape board.Shape, set func(*board.Assigned)) {
	b.t.Helper()
	shape.Generation = 3
	next, fd, err := memory.NewAssignment(shape)
	if err != nil {
		b.t.Fatal(err)
	}
	defer unix.Close(fd)
	defer next.Close()
	for i := range int(b.board.Assignment.TargetCount) {
		*next.Target(i) = *b.board.Target(i)
	}
	*next.Assignment = *b.board.Assignment
	next.Assignment.Epoch++
	set(&next)
	if err := memory.SealAssignment(fd); err != nil {
		b.t.Fatal(err)
	}
	h.sends(report.Follow, fd)
	b.board.State.Epoch.Store(next.Assignment.Epoch)
}

// sends sends an order with a descriptor.
func (h *hand) sends(o report.Order, fd int) {
	h.b.t.Helper()
	if err := unix.Sendmsg(h.lifeline, []byte{byte(o)}, unix.UnixRights(fd), nil, 0); err != nil {
		h.b.t.Fatal(err)
	}
}

// A worker follows a change of targets and names: its session stays with its target, and
// the next client gets the new one.
func TestFollowsAChange(t *testing.T) {
	old, added := echo(t), echo(t)
	b := newBoss(t, several, []string{old}, nil)
	h := b.hire(0)
	held := b.dial()
	b.echoes(held, "one")
	b.follows(h, several, func(a *board.Assigned) {
		a.Target(0).Gone = 1
		a.Target(1).Addr = convert.From(netip.MustParseAddrPort(added))
		a.Assignment.TargetCount = 2
		a.SetOrder([]int{1})
		a.Assignment.Label.Set("news")
		a.Assignment.Tag.Set("(news)")
	})
	b.wait("the worker follows", func() bool { return b.board.Column(0).Epoch.Load() == 1 })
	b.echoes(held, "two")
	other := b.dial()
	b.echoes(other, "three")
	hangUp(t, other)
	b.lines(1)
	hangUp(t, held)
	for i, line := range b.lines(2) {
		if target := []string{added, old}[i]; !strings.Contains(line, " news 127.0.0.1 "+target+" ") {
			t.Errorf("line %d: %q, want target %s", i, line, target)
		}
	}
}

// A client that was waiting when a change was made is served as after the change.
func TestNoClientIsServedAsBefore(t *testing.T) {
	old, added := echo(t), echo(t)
	b := newBoss(t, several, []string{old}, nil)
	h := b.hire(0)
	h.pause()
	c := b.dial()
	b.follows(h, several, func(a *board.Assigned) {
		a.Target(0).Gone = 1
		a.Target(1).Addr = convert.From(netip.MustParseAddrPort(added))
		a.Assignment.TargetCount = 2
		a.SetOrder([]int{1})
	})
	unix.Kill(h.pid, unix.SIGCONT)
	b.echoes(c, "hello")
	hangUp(t, c)
	if line := b.lines(1)[0]; !strings.Contains(line, " "+added+" ") {
		t.Errorf("line %q, want target %s", line, added)
	}
}

// A worker refuses what is no newer assignment of its generation, and continues with the
// one that it has. No descriptor is left.
func TestRefusesAssignments(t *testing.T) {
	b := newBoss(t, several, []string{echo(t)}, nil)
	h := b.hire(0)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	before := openFDs(t, h.pid)
	h.sends(report.Follow, int(null.Fd()))
	h.sends(report.Follow, b.memory[0]) // the one that it has
	h.sends(report.Follow, b.memory[1]) // no assignment at all
	h.sends(report.Order('?'), int(null.Fd()))
	h.sends(report.Order('?'), int(null.Fd()))
	h.orders(report.Nudge)
	c := b.dial()
	b.echoes(c, "hello")
	hangUp(t, c)
	if epoch := b.board.Column(0).Epoch.Load(); epoch != 0 {
		t.Errorf("epoch %d", epoch)
	}
	b.wait("the descriptors are closed", func() bool { return openFDs(t, h.pid) <= before+1 }) // one waits for its order
}

// openFDs returns how many a process has.
func openFDs(t *testing.T, pid int) int {
	t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// numbered sends Listen or Leave; a descriptor below 0 is none.
func (h *hand) numbered(o report.Order, number uint32, fd int) {
	h.b.t.Helper()
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	if err := unix.Sendmsg(h.lifeline, report.AppendNumbered(nil, o, number), rights, nil, 0); err != nil {
		h.b.t.Fatal(err)
	}
}

// A worker takes clients of a listener that was added, and none of one that it was told
// to leave; its session on that one continues.
func TestListenersComeAndGo(t *testing.T) {
	b := newBoss(t, several, []string{echo(t)}, nil)
	h := b.hire(0)
	held := b.dial()
	b.echoes(held, "one")
	first, was := b.addr, b.listener
	b.listen()
	t.Cleanup(func() { unix.Close(was) })
	h.numbered(report.Listen, 7, b.listener)
	c := b.dial()
	b.echoes(c, "two")
	hangUp(t, c)
	h.numbered(report.Leave, 0, -1)
	b.wait("the first listener is left", func() bool {
		_, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", h.pid, FDListener))
		return err != nil
	})
	waiting, err := net.Dial("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	c = b.dial()
	b.echoes(c, "three")
	b.echoes(held, "four")
	waiting.SetReadDeadline(time.Now().Add(glance))
	if _, err := waiting.Write([]byte("five")); err != nil {
		t.Fatal(err)
	}
	if n, err := waiting.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client of the listener that was left is served: %d, %v", n, err)
	}
	h.numbered(report.Leave, 99, -1) // unknown
	h.numbered(report.Listen, 7, b.listener)
	b.echoes(c, "six")
	h.lives()
}

// A worker that is told to leave a listener serves the clients that may have woken it and
// no other.
func TestLastAcceptOfOneListener(t *testing.T) {
	b := newBoss(t, several, []string{echo(t)}, nil)
	h := b.hire(0)
	h.pause()
	c := b.dial()
	h.numbered(report.Leave, 0, -1)
	unix.Kill(h.pid, unix.SIGCONT)
	b.echoes(c, "hello")
}

func TestInheritedNumbers(t *testing.T) {
	for _, c := range []struct {
		text string
		want []uint32
		ok   bool
	}{{"", nil, true}, {"0", []uint32{0}, true}, {"4294967295,7,0", []uint32{1<<32 - 1, 7, 0}, true}, {"x", nil, false}, {"1,,2", nil, false}, {"-1", nil, false}, {"4294967296", nil, false}} {
		got, err := inherited(c.text)
		if !slices.Equal(got, c.want) || (err == nil) != c.ok {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
		if args := Args(3, got); c.ok && args[2] != c.text {
			t.Errorf("%v is written as %q, want %q", got, args[2], c.text)
		}
	}
}
