//go:build linux

// A session from its accept to its line, with real workers.

package worker

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

var one1 = board.Shape{Workers: 2, Capacity: 1}

func TestASession(t *testing.T) {
	target := echo(t)
	b := newBoss(t, one1, []string{target}, nil)
	h := b.hire(1)
	if pid := b.board.Column(1).PID.Load(); pid != uint32(h.pid) {
		t.Errorf("column says PID %d, want %d", pid, h.pid)
	}
	c := b.dial()
	b.echoes(c, "hello")
	h.hears(report.Begin)
	row, column := b.board.Row(1, 0), b.board.Column(1)
	var s board.Snapshot
	if !row.Snapshot(&s) || s.Word.State() != board.RowLive || s.Word.Target() != 0 || s.In != 5 || s.Out != 5 ||
		s.Client.String() != c.LocalAddr().String() {
		t.Errorf("on the board: %+v", s)
	}
	if column.Live.Load() != 1 {
		t.Errorf("%d sessions live", column.Live.Load())
	}
	hangUp(t, c)
	h.hears(report.End)
	if h.state() != board.RowFree || row.Word().Epoch() != 1 || column.Live.Load() != 0 || column.Ended[board.Complete].Load() != 1 ||
		column.BytesIn.Load() != 5 || column.BytesOut.Load() != 5 {
		t.Errorf("after the session: state %d, epoch %d, %d live, %d complete", h.state(), row.Word().Epoch(), column.Live.Load(), column.Ended[board.Complete].Load())
	}
	line := b.lines(1)[0]
	got := fields(line)
	if usec, err := strconv.Atoi(got[len(got)-1]); err != nil || usec <= 0 || usec > 10_000_000 {
		t.Errorf("line %q: duration", line)
	}
	if want := fmt.Sprintf("plug[%d] 119 127.0.0.1 %s 5 5", h.pid, target); strings.Join(got[:len(got)-1], " ") != want {
		t.Errorf("line %q, want %q", line, want)
	}
	want := []string{"(119): Connect from 127.0.0.1 to 127.0.0.1", "(119): Complete."}
	if got := b.syslogs(2); !reflect.DeepEqual(got, want) {
		t.Errorf("syslog %q, want %q", got, want)
	}
	b.silent()
	if state := b.board.TargetState(0); state.Connects.Load() != 1 || state.Failures.Load() != 0 {
		t.Errorf("%d connects, %d failures", state.Connects.Load(), state.Failures.Load())
	}
}

// resets is a target that reads something and resets the connection.
func resets(c *net.TCPConn) {
	c.Read(make([]byte, 1))
	c.SetLinger(0)
}

// In fork mode the exit status is the session's.
func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		name    string
		targets []string
		status  int
		line    string // target and counts
		log     string
	}{
		{"complete", []string{echo(t)}, 0, " 1 1 ", "(119): Complete."},
		{"unreached", []string{refusing(t), refusing(t)}, 2, " 0 0 ", "(119): Complete, status=2."},
		{"cut", []string{target(t, resets)}, 3, " ", "(119): Complete, status=3."},
	} {
		b := newBoss(t, one1, c.targets, func(a *board.Board) { a.Assignment.Uses = 1 })
		h := b.hire(0)
		conn := b.dial()
		io.WriteString(conn, "x")
		conn.CloseWrite()
		io.Copy(io.Discard, conn)
		if status := h.exits(); !status.Exited() || status.ExitStatus() != c.status {
			t.Errorf("%s: exit status %d (signal %d), want %d", c.name, status.ExitStatus(), status.Signal(), c.status)
		}
		line := b.lines(1)
		if last := c.targets[len(c.targets)-1]; len(line) != 1 || !strings.Contains(line[0], " "+last+c.line) {
			t.Errorf("%s: lines %q, want one with %q", c.name, line, last+c.line)
		}
		var logs []string
		for len(logs) == 0 || !strings.HasPrefix(logs[len(logs)-1], "(119): Complete") {
			logs = append(logs, b.syslogs(1)...)
		}
		if last := logs[len(logs)-1]; last != c.log {
			t.Errorf("%s: syslog %q, want %q", c.name, last, c.log)
		}
	}
}

// A worker that has carried its number of sessions exits with status 0, whatever their
// outcomes.
func TestUses(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, func(a *board.Board) { a.Assignment.Uses = 3 })
	h := b.hire(0)
	for range 3 {
		c := b.dial()
		io.Copy(io.Discard, c)
		c.Close()
	}
	if status := h.exits(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
	if lines := b.lines(3); len(lines) != 3 {
		t.Errorf("%d lines", len(lines))
	}
}

// Workers that start together end one after the other, and never late.
func TestLifetime(t *testing.T) {
	for _, c := range []struct {
		uses uint32
		slot int
		want uint32
	}{{0, 3, 0}, {1, 3, 1}, {63, 7, 63}, {64, 7, 57}, {10000, 0, 10000}, {10000, 1, 9844}, {10000, 7, 8908}, {10000, 8, 10000}} {
		if got := lifetime(c.uses, c.slot); got != c.want {
			t.Errorf("%d uses in slot %d: %d, want %d", c.uses, c.slot, got, c.want)
		}
	}
}

// The client of a failed connect notices nothing.
func TestRedispatch(t *testing.T) {
	down, good := refusing(t), echo(t)
	b := newBoss(t, one1, []string{down, good}, nil)
	b.hire(0)
	for range 3 {
		c := b.dial()
		b.echoes(c, "through")
		hangUp(t, c)
	}
	if failed := b.board.TargetState(0); failed.Failed.Load() == 0 || failed.Connects.Load() != 1 || failed.Failures.Load() != 1 {
		t.Errorf("the failed target: marked %d, %d connects, %d failures", failed.Failed.Load(), failed.Connects.Load(), failed.Failures.Load())
	}
	if n := b.board.Column(0).Redispatches.Load(); n != 1 {
		t.Errorf("%d redispatches", n)
	}
	for _, line := range b.lines(3) {
		if !strings.Contains(line, " "+good+" 7 7 ") {
			t.Errorf("line %q", line)
		}
	}
	if got := b.syslogs(1); got[0] != "(119): connect "+down+": Connection refused" {
		t.Errorf("syslog %q", got)
	}
}

// A relay that ends in an error does not count as a failure of the target.
func TestOnlyConnectingMarks(t *testing.T) {
	b := newBoss(t, one1, []string{target(t, resets)}, nil)
	h := b.hire(0)
	c := b.dial()
	io.WriteString(c, "x")
	io.Copy(io.Discard, c)
	b.wait("the session is over", func() bool { return b.board.Column(0).Ended[board.Cut].Load() == 1 })
	if b.board.TargetState(0).Failed.Load() != 0 {
		t.Error("a reset while relaying marks the target")
	}
	h.lives()
}

func TestRefusedByRules(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) {
		*a.Rule(0) = board.Rule{IP: netip.MustParseAddr("10.0.0.0").As16(), Bits: 96 + 8, Kind: 4}
		a.Assignment.RuleCount = 1
		a.Assignment.Options &^= board.OptLog // refusals are logged whatever -l says
	})
	b.hire(0)
	c := b.dial()
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Logf("the refused client sees %v", err)
	}
	if got := b.syslogs(1); got[0] != "(119): Connect from 127.0.0.1 Refused." {
		t.Errorf("syslog %q", got)
	}
	b.wait("it is counted", func() bool { return b.board.Column(0).Refused.Load() == 1 })
	b.silent()
	if text, _ := os.ReadFile(b.session); len(text) != 0 {
		t.Errorf("a refused client left the line %q", text)
	}
	if b.board.Row(0, 0).Word().Epoch() != 0 {
		t.Error("a refused client had a row")
	}
}
