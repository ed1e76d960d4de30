//go:build linux

// Session lines: where they are written, and when they can't be.

package worker

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// A new session file arrives over the lifeline, and receives the next line.
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

// A session file that can't be written is reported once and delays no session; the lines
// stay on their rows, for the next file or for the master.
func TestBrokenSessionFile(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.Assignment.Options &^= board.OptLog })
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
	unwritten := 0
	for i := range int(column.Rows.Load()) {
		if b.board.Row(0, i).Word().State() == board.RowEnding {
			unwritten++
		}
	}
	if unwritten != 3 || column.Ended[board.Complete].Load() != 3 || column.LinesLost.Load() != 0 {
		t.Errorf("%d rows owe a line, %d counted, %d lost", unwritten, column.Ended[board.Complete].Load(), column.LinesLost.Load())
	}
	if got := b.syslogs(1); got[0] != "(119): session file /x/sessions: No space left on device" {
		t.Errorf("syslog %q", got)
	}
	if err := unix.Sendmsg(h.lifeline, []byte{byte(report.Session)}, unix.UnixRights(int(room.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	lines := b.lines(3)
	b.wait("their rows are free", func() bool {
		for i := range int(column.Rows.Load()) {
			if b.board.Row(0, i).Word().State() != board.RowFree {
				return false
			}
		}
		return true
	})
	if n := column.Ended[board.Complete].Load(); n != 3 {
		t.Errorf("%d sessions counted", n)
	}
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

// When no line can ever be written, the oldest ones are dropped and counted, and sessions
// continue.
func TestLinesAreGivenUp(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, func(a *board.Board) { a.Assignment.Options &^= board.OptLog })
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	b.file.Close()
	b.file = full
	b.hire(0)
	const more = 5
	for range board.SpareRows + more {
		c := b.dial()
		io.Copy(io.Discard, c)
		c.Close()
	}
	column := b.board.Column(0)
	b.wait("lines are given up", func() bool { return column.LinesLost.Load() >= more-1 })
	if lost := column.LinesLost.Load(); lost > more+1 || column.Ended[board.Unreached].Load() < board.SpareRows+more-1 {
		t.Errorf("%d lines lost, %d sessions counted", lost, column.Ended[board.Unreached].Load())
	}
}

// A reader of the file finds only whole lines. Here a socket shows each write separately.
func TestLineIsOneWrite(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, nil)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.file.Close()
	b.file = os.NewFile(uintptr(pair[0]), "session file")
	reader := os.NewFile(uintptr(pair[1]), "reader")
	defer reader.Close()
	reader.SetReadDeadline(time.Now().Add(patience))
	b.hire(0)
	io.Copy(io.Discard, b.dial())
	p := make([]byte, 200)
	n, err := reader.Read(p)
	if line := string(p[:n]); err != nil || !strings.HasPrefix(line, "[") || !strings.HasSuffix(line, "\n") {
		t.Errorf("the first write is %q, %v", line, err)
	}
}

// If only the beginning of a line fits, that part is removed again, and the line is
// written whole when there is room.
func TestHalfALineIsTakenBack(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, nil)
	h := b.hire(0)
	io.Copy(io.Discard, b.dial())
	first := b.lines(1)[0]
	limit := unix.Rlimit{Cur: uint64(len(first) + 20), Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(h.pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Skipf("prlimit: %v", err)
	}
	io.Copy(io.Discard, b.dial())
	b.wait("a line is unwritten", func() bool {
		return b.board.Row(0, 0).Word().State() == board.RowEnding && b.board.Column(0).Live.Load() == 0
	})
	b.wait("the half line is taken away", func() bool { // each retry writes it for a moment
		text, _ := os.ReadFile(b.session)
		return strings.TrimSuffix(string(text), "\n") == first
	})
	limit.Cur = unix.RLIM_INFINITY
	if err := unix.Prlimit(h.pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	if lines := b.lines(2); lines[0] != first || !strings.HasPrefix(lines[1], "[") {
		t.Errorf("lines %q", lines)
	}
	h.lives()
}
