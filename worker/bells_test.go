//go:build linux

// Doorbells of real workers, as the master reads them.

package worker

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

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
	b.wait("the worker asks for attention", func() bool { return b.board.State.Attention.Load() == 1 })
	b.board.State.Attention.Store(0)
	c := b.dial()
	b.echoes(c, "traffic goes on")
	b.wait("BEGIN is lost", func() bool { return b.board.State.Attention.Swap(0) == 1 })
	hangUp(t, c)
	b.wait("END is lost", func() bool { return b.board.State.Attention.Swap(0) == 1 })
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

// While there are many spares, a short session rings no bell, but a long one does.
func TestBellsWaitForCompany(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.State.MayBatch.Store(1) })
	h := b.hire(0)
	for range 50 {
		c := b.dial()
		io.WriteString(c, "x")
		hangUpAfter(t, c, "x")
	}
	b.wait("all have ended", func() bool { return b.board.Row(0, 0).Word().Epoch() == 50 })
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
		if usec, _ := strconv.Atoi(all[len(all)-1]); usec > 4000 { // on a loaded machine, some take this long
			most += 2
		}
	}
	if bells > most {
		t.Errorf("%d doorbells, want at most %d", bells, most)
	}
}

// A worker that was busy, and then carries only short sessions one after the other,
// counts as a spare again.
func TestBusyNoMore(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.State.MayBatch.Store(1) })
	h := b.hire(0)
	c := b.dial()
	b.echoes(c, "a long one")
	h.hears(report.Begin)
	hangUp(t, c)
	for end, told := time.Now().Add(patience), false; !told; {
		if time.Now().After(end) {
			t.Fatal("busy without a long session")
		}
		c := b.dial()
		io.WriteString(c, "x")
		hangUpAfter(t, c, "x")
		for len(b.bells) >= report.Size || b.rings() {
			r, _ := b.bell(patience)
			told = told || r.Kind == report.End
		}
	}
	b.wait("it is called a spare", func() bool {
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", h.pid))
		return strings.Contains(string(title), "spare")
	})
}

// rings reports whether a doorbell is waiting to be read.
func (b *boss) rings() bool {
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(b.report[0]), Events: unix.POLLIN}}, 0)
	return n == 1
}

// hangUpAfter closes the client when it has received its answer.
func hangUpAfter(t *testing.T, c *net.TCPConn, answer string) {
	t.Helper()
	c.CloseWrite()
	if p, err := io.ReadAll(c); err != nil || string(p) != answer {
		t.Fatalf("%q, %v", p, err)
	}
	c.Close()
}
