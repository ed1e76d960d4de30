//go:build linux

package worker

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/board"
	"plugdaemon/worker/report"
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
		s.Client.AddrPort().String() != c.LocalAddr().String() {
		t.Errorf("on the board: %+v", s)
	}
	if column.Live.Load() != 1 {
		t.Errorf("%d sessions live", column.Live.Load())
	}
	hangUp(t, c)
	h.hears(report.End)
	if h.state() != board.RowFree || row.Word().Turn() != 1 || column.Live.Load() != 0 || column.Ended[board.Complete].Load() != 1 ||
		column.BytesIn.Load() != 5 || column.BytesOut.Load() != 5 {
		t.Errorf("after the session: state %d, turn %d, %d live, %d complete", h.state(), row.Word().Turn(), column.Live.Load(), column.Ended[board.Complete].Load())
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
	if mark := b.board.Mark(0); mark.Connects.Load() != 1 || mark.Failures.Load() != 0 {
		t.Errorf("%d connects, %d failures", mark.Connects.Load(), mark.Failures.Load())
	}
}

// resets is a target that hears something and cuts the connection.
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
		b := newBoss(t, one1, c.targets, func(a *board.Board) { a.Uses = 1 })
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

// A worker that has had its uses leaves, and status is then 0 whatever they were.
func TestUses(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, func(a *board.Board) { a.Uses = 3 })
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
	if failed := b.board.Mark(0); failed.Failed.Load() == 0 || failed.Connects.Load() != 1 || failed.Failures.Load() != 1 {
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

// A relay that ends in an error is not the target's failure.
func TestOnlyConnectingMarks(t *testing.T) {
	b := newBoss(t, one1, []string{target(t, resets)}, nil)
	h := b.hire(0)
	c := b.dial()
	io.WriteString(c, "x")
	io.Copy(io.Discard, c)
	b.wait("the session is over", func() bool { return b.board.Column(0).Ended[board.Cut].Load() == 1 })
	if b.board.Mark(0).Failed.Load() != 0 {
		t.Error("a reset while relaying marks the target")
	}
	h.lives()
}

func TestRefusedByRules(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) {
		a.RuleTable[0] = board.Rule{IP: netip.MustParseAddr("10.0.0.0").As16(), Bits: 96 + 8, Kind: 4}
		a.RuleCount = 1
		a.Options &^= board.OptLog // refusals are logged whatever -l says
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
	if b.board.Row(0, 0).Word().Turn() != 0 {
		t.Error("a refused client had a row")
	}
}

// At capacity a worker leaves clients to others, or in the queue.
func TestCapacity(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 2}, []string{echo(t)}, nil)
	b.hire(0)
	first, second := b.dial(), b.dial()
	b.echoes(first, "first")
	b.echoes(second, "second")
	third := b.dial()
	b.unserved(third)
	if live := b.board.Column(0).Live.Load(); live != 2 {
		t.Errorf("%d live of 2", live)
	}
	hangUp(t, first)
	p := make([]byte, 1)
	if _, err := io.ReadFull(third, p); err != nil || p[0] != 'x' {
		t.Errorf("the third client's turn: %q, %v", p, err)
	}
	b.silent() // a pool's workers are listed for as long as they live
}

func TestGate(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.Gate.Store(board.GateClosed) })
	h := b.hire(0)
	c := b.dial()
	b.unserved(c) // sends an x
	b.board.Gate.Store(board.GateOpen)
	h.orders(report.Gate)
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("behind the open gate: %v", err)
	}
	b.board.Gate.Store(board.GatePaused)
	h.orders(report.Gate)
	b.echoes(c, "a session goes on while its plug is paused")
	hangUp(t, c)
	h.hears(report.Begin)
	h.hears(report.End)
	paused := b.dial()
	b.unserved(paused)
	b.board.Gate.Store(board.GateOpen)
	h.orders(report.Gate)
	if n, err := paused.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("after the pause: %v", err)
	}
	b.board.Gate.Store(board.GateDraining)
	h.orders(report.Gate)
	b.echoes(paused, "and while it drains")
	h.lives()
	hangUp(t, paused)
	if status := h.exits(); status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
}

// A nudge makes a worker look at the listener, of whose client it was not told:
// here, since the gate opened without an order.
func TestNudge(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.Gate.Store(board.GateClosed) })
	h := b.hire(0)
	b.wait("it has looked at the gate", h.sleeps)
	c := b.dial()
	b.board.Gate.Store(board.GateOpen)
	b.unserved(c)
	h.orders(report.Nudge)
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("after the nudge: %v", err)
	}
}

func TestDrain(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	spare := b.hire(0)
	spare.orders(report.Drain)
	if status := spare.exits(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("a spare's status: %#x", status)
	}
	h := b.hire(1)
	c := b.dial()
	b.echoes(c, "one")
	h.orders(report.Drain)
	h.orders(report.Drain)
	b.echoes(c, "two")
	other := b.dial()
	b.unserved(other)
	h.lives()
	hangUp(t, c)
	if status := h.exits(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
	if b.lines(1)[0] == "" || b.board.Row(1, 0).Word().Turn() != 1 {
		t.Error("the last session's line")
	}
}

// What a worker was woken for it serves, though it is told to drain.
func TestLastAccept(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	h := b.hire(0)
	unix.Kill(h.pid, unix.SIGSTOP)
	c := b.dial() // the wake-up is this worker's
	h.orders(report.Drain)
	unix.Kill(h.pid, unix.SIGCONT)
	b.echoes(c, "served")
	hangUp(t, c)
	h.exits()
}

// shutdown(2) of the listener frees the port and tells the workers.
func TestPortShutDown(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 2, Capacity: 1}, []string{echo(t)}, nil)
	busy := b.hire(0)
	c := b.dial()
	b.echoes(c, "x")
	busy.hears(report.Begin)
	spare := b.hire(1)
	unix.Shutdown(b.listener, unix.SHUT_RD)
	if status := spare.exits(); status.ExitStatus() != 0 {
		t.Errorf("the spare's status: %#x", status)
	}
	b.echoes(c, "the session goes on")
	hangUp(t, c)
	busy.exits()
}

// The master is gone: spares exit, sessions finish, each with its line.
func TestMastersEnd(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 3, Capacity: 1}, []string{echo(t)}, nil)
	h := b.hire(0)
	c := b.dial()
	b.echoes(c, "x")
	h.hears(report.Begin)
	spare := b.hire(1)
	unix.Close(spare.lifeline)
	spare.lifeline = -1
	if status := spare.exits(); status.ExitStatus() != 0 {
		t.Errorf("the spare's status: %#x", status)
	}
	unix.Close(h.lifeline)
	h.lifeline = -1
	b.wait("the orphan has closed the listener", h.hasLeft)
	b.echoes(c, "still there")
	hangUp(t, c)
	if status := h.exits(); status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
	if lines := b.lines(1); len(lines) != 1 || !strings.Contains(lines[0], " 12 12 ") {
		t.Errorf("lines %q", lines)
	}
}

// An orphan's TERM ends its sessions, and it writes the lines by itself.
func TestTermOfAnOrphan(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{echo(t)}, nil)
	h := b.hire(0)
	var clients []*net.TCPConn
	for range 3 {
		c := b.dial()
		b.echoes(c, "x")
		clients = append(clients, c)
	}
	unix.Close(h.lifeline)
	h.lifeline = -1
	b.wait("it has closed the listener", h.hasLeft)
	b.wait("it sleeps again", h.sleeps) // which it does not before it catches TERM
	unix.Kill(h.pid, unix.SIGTERM)
	if status := h.exits(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
	for _, c := range clients {
		if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("the client sees %v, want a reset", err)
		}
	}
	if lines := b.lines(3); len(lines) != 3 {
		t.Errorf("lines %q", lines)
	}
	if n := b.board.Column(0).Ended[board.AdminEnded].Load(); n != 3 {
		t.Errorf("%d counted as ended by an admin", n)
	}
}

// hasLeft tells that the worker no longer holds the listener.
func (h *hand) hasLeft() bool {
	mine, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", h.b.listener))
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", h.pid))
	for _, link := range links {
		if its, _ := os.Readlink(link); its == mine {
			return false
		}
	}
	return true
}

// sleeps tells that all threads of the worker wait (proc(5)).
func (h *hand) sleeps() bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", h.pid))
	for _, stat := range stats {
		text, _ := os.ReadFile(stat)
		_, rest, _ := strings.Cut(string(text), ") ")
		if !strings.HasPrefix(rest, "S") {
			return false
		}
	}
	return len(stats) > 0
}

// While it has a master, a worker's TERM is the end, and leaves the row to it.
func TestKilledWorkerLeavesItsRow(t *testing.T) {
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		b := newBoss(t, one1, []string{echo(t)}, nil)
		h := b.hire(0)
		c := b.dial()
		b.echoes(c, "twelve bytes")
		unix.Kill(h.pid, signal)
		if status := h.exits(); !status.Signaled() || status.Signal() != signal {
			t.Errorf("status %#x, want %v", status, signal)
		}
		var s board.Snapshot
		if !b.board.Row(0, 0).Snapshot(&s) || s.Word.State() != board.RowLive || s.In != 12 || s.Out != 12 {
			t.Errorf("the row: %+v", s)
		}
	}
}

// What a terminal sends to its group is not meant for workers.
func TestIgnoredSignals(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	h := b.hire(0)
	unix.Kill(h.pid, unix.SIGHUP)
	unix.Kill(h.pid, unix.SIGINT)
	c := b.dial()
	b.echoes(c, "alive")
	h.lives()
}

// A full report pipe never blocks traffic; the flag says that bells were lost.
func TestFullPipe(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	filler := make([]byte, report.Size)
	for {
		if _, err := unix.Write(b.report[1], filler); err != nil {
			break
		}
	}
	h := b.hire(0)
	b.wait("the worker asks for attention", func() bool { return b.board.Attention.Load() == 1 })
	b.board.Attention.Store(0)
	c := b.dial()
	b.echoes(c, "traffic goes on")
	b.wait("BEGIN is lost", func() bool { return b.board.Attention.Swap(0) == 1 })
	hangUp(t, c)
	b.wait("END is lost", func() bool { return b.board.Attention.Swap(0) == 1 })
	h.lives()
	for p := make([]byte, 64<<10); ; {
		if n, _ := unix.Read(b.report[0], p); n < len(p) {
			break
		}
	}
	c = b.dial()
	b.echoes(c, "room again")
	h.hears(report.Begin)
}

// While spares are plenty, a short session rings no bell, a long one does.
func TestBellsWaitForCompany(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.Plenty.Store(1) })
	h := b.hire(0)
	for range 50 {
		c := b.dial()
		io.WriteString(c, "x")
		hangUpAfter(t, c, "x")
	}
	b.wait("all have ended", func() bool { return b.board.Row(0, 0).Word().Turn() == 50 })
	c := b.dial()
	b.echoes(c, "a long one")
	bells := 0
	for last := report.Kind(0); last != report.Begin || h.state() != board.RowLive; bells++ {
		r, ok := b.bell(patience)
		if !ok || r.PID != uint32(h.pid) {
			t.Fatalf("no doorbell for a long session: %+v", r)
		}
		last = r.Kind
	}
	most := 1
	for _, line := range b.lines(50) {
		all := fields(line)
		if usec, _ := strconv.Atoi(all[len(all)-1]); usec > 4000 { // on a loaded machine, some take so long
			most += 2
		}
	}
	if bells > most {
		t.Errorf("%d doorbells, want at most %d", bells, most)
	}
}

// hangUpAfter closes the client when it has got its answer.
func hangUpAfter(t *testing.T, c *net.TCPConn, answer string) {
	t.Helper()
	c.CloseWrite()
	if p, err := io.ReadAll(c); err != nil || string(p) != answer {
		t.Fatalf("%q, %v", p, err)
	}
	c.Close()
}

// A new session file comes over the lifeline, and takes the next line.
func TestNewSessionFile(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	h := b.hire(0)
	c := b.dial()
	b.echoes(c, "first")
	hangUp(t, c)
	b.lines(1)
	rotated := b.session + ".new"
	f, err := os.OpenFile(rotated, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Sendmsg(h.lifeline, []byte{byte(report.Session)}, unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	b.wait("it is taken", func() bool {
		at, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", h.pid, FDSession))
		return at == rotated
	})
	c = b.dial()
	b.echoes(c, "second")
	hangUp(t, c)
	old := b.lines(1)
	b.session = rotated
	if lines := b.lines(1); len(old) != 1 || len(lines) != 1 || !strings.Contains(lines[0], " 6 6 ") {
		t.Errorf("old file %q, new file %q", old, lines)
	}
}

// A session file that can't be written is said once and holds nobody up; its
// lines wait on their rows for the next file, or for the master.
func TestBrokenSessionFile(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.Options &^= board.OptLog })
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	room := b.file
	defer room.Close()
	b.file = full
	h := b.hire(0)
	for i := range 3 {
		c := b.dial()
		b.echoes(c, strings.Repeat("x", i+1))
		hangUp(t, c)
	}
	column := b.board.Column(0)
	b.wait("the last session has ended", func() bool { return column.Live.Load() == 0 })
	owed := 0
	for i := range int(column.Rows.Load()) {
		if b.board.Row(0, i).Word().State() == board.RowEnding {
			owed++
		}
	}
	if owed != 3 || column.Ended[board.Complete].Load() != 0 || column.LinesLost.Load() != 0 {
		t.Errorf("%d rows owe a line, %d counted, %d lost", owed, column.Ended[board.Complete].Load(), column.LinesLost.Load())
	}
	if got := b.syslogs(1); got[0] != "(119): session file /x/sessions: No space left on device" {
		t.Errorf("syslog %q", got)
	}
	if err := unix.Sendmsg(h.lifeline, []byte{byte(report.Session)}, unix.UnixRights(int(room.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	lines := b.lines(3)
	b.wait("they are counted", func() bool { return column.Ended[board.Complete].Load() == 3 })
	for i, line := range lines {
		if !strings.Contains(line, fmt.Sprintf(" %d %d ", i+1, i+1)) {
			t.Errorf("line %d is %q", i, line)
		}
	}
	b.syslog.SetReadDeadline(time.Now().Add(glance))
	if n, err := b.syslog.Read(make([]byte, 100)); err == nil {
		t.Errorf("said again (%d bytes)", n)
	}
}

// Without end, the oldest lines are given up, counted, and sessions go on.
func TestLinesAreGivenUp(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, func(a *board.Board) { a.Options &^= board.OptLog })
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	b.file.Close()
	b.file = full
	b.hire(0)
	const more = 5
	for range board.Ledger + more {
		c := b.dial()
		io.Copy(io.Discard, c)
		c.Close()
	}
	column := b.board.Column(0)
	b.wait("lines are given up", func() bool { return column.LinesLost.Load() >= more-1 })
	if lost := column.LinesLost.Load(); lost > more+1 || column.Ended[board.Unreached].Load() != lost {
		t.Errorf("%d lines lost, %d sessions counted", lost, column.Ended[board.Unreached].Load())
	}
}
