// Tests of the verb that ends sessions: with workers that obey, that do not, that
// are stopped, and those of a pool.

package supervisor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/await"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// A worker that obeys is not killed; the answer waits until its row is free.
func TestVerbsKill(t *testing.T) {
	s, all := serving(t, nil)
	rows := []*board.Row{s.addSession(all[0], "10.1.0.1:1"), s.addSession(all[1], "10.2.0.1:1")}
	for _, a := range all {
		a.orders()
	}
	req := control.Request{Verb: control.Kill, Filter: &control.Filter{Client: "10.1.0.0/16"}, DryRun: true}
	if r := s.ask(req, nil); len(r.Sessions) != 1 || all[0].orders() != "" {
		t.Errorf("a dry run: %+v", r)
	}
	req.DryRun = false
	r := s.ask(req, func() {
		if got := all[0].orders(); got != "" {
			if want := string(report.AppendKill(nil, 0, 0)); got != want {
				t.Errorf("sent orders %q, want %q", got, want)
			}
			rows[0].End()
			rows[0].Free()
		}
	})
	if r.Error != "" || len(r.Sessions) != 1 || r.Sessions[0].Client != "10.1.0.1:1" {
		t.Errorf("%+v", r)
	}
	if got := all[1].orders(); got != "" {
		t.Errorf("the other worker was told %q", got)
	}
	if all[0].condemned || s.watcher.Status(all[0].pidfd).Known {
		t.Error("a worker that has obeyed was killed")
	}
}

// A worker that does not obey is killed, but only if it still has the session.
func TestVerbsKillByForce(t *testing.T) {
	s, all := serving(t, nil)
	s.addSession(all[0], "10.1.0.1:1")
	gone := false
	r := s.ask(control.Request{Verb: control.Kill, Filter: &control.Filter{All: true}}, func() {
		if !gone && s.watcher.Status(all[0].pidfd).Known {
			gone, all[0].dead = true, true
			s.handleEvents(watch.Events{Dead: []uint64{all[0].id}})
		}
	})
	if !gone {
		t.Error("the worker was not killed")
	}
	if r.Error != "" || len(r.Sessions) != 1 {
		t.Errorf("%+v, want one session and no error", r)
	}
	checkEqual(t, "the number of sessions ended by an admin", s.plug.totals.Ended[board.AdminEnded], 1)
	checkEqual(t, "the number of sessions killed", s.plug.totals.Ended[board.Killed], 0)
	checkEqual(t, "the number of workers killed", s.plug.totals.Deaths.By[unix.SIGKILL], 1)
	if line := s.sessionLines(1)[0]; !strings.Contains(line, fmt.Sprintf("plug[%d]", all[0].pid)) {
		t.Errorf("line %q", line)
	}
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("kill: 1 session ended by admin") {
		t.Errorf("%q", s.syslogLines.all())
	}

	// The other one begins another session just before it would be killed.
	row := s.addSession(all[1], "10.1.0.2:1")
	changed, begun := false, time.Now()
	s.ask(control.Request{Verb: control.Kill, Filter: &control.Filter{All: true}}, func() {
		if time.Since(begun) > obeyWithin { // it may just have been sent STOP
			await.Happens(50*time.Millisecond, func() bool { return host.IsStopped(all[1].pid) })
		}
		if !changed && host.IsStopped(all[1].pid) {
			changed = true
			row.End()
			row.Free()
			row.Hold()
		}
	})
	checkEqual(t, `"the worker was stopped"`, changed, true)
	checkEqual(t, `"the worker is condemned"`, all[1].condemned, false)
	checkEqual(t, `"the worker is dead"`, s.watcher.Status(all[1].pidfd).Known, false)
	until(t, "the worker continues", func() bool { return !host.IsStopped(all[1].pid) })
}

// Even if there are more orders than a lifeline takes at once, all of them reach
// their worker, also when it reads slowly.
func TestVerbsKillMany(t *testing.T) {
	const n = 12_000
	s := newPoolMaster(t, 1, n)
	g := s.plug.generation
	all := s.startSpares(1)
	s.afterEvent()
	s.addSession(all[0], "10.1.0.1:1")
	g.board.Column(all[0].slot).Rows.Store(n)
	for i := 1; i < n; i++ {
		row := g.board.Row(all[0].slot, i)
		row.Client = g.board.Row(all[0].slot, 0).Client
		row.Hold()
	}
	var orders report.Orders
	ended, p := 0, make([]byte, 997)
	r := s.ask(control.Request{Verb: control.Kill, Filter: &control.Filter{All: true}}, func() {
		for range 80 {
			k, _, _, _, err := unix.Recvmsg(all[0].lifeline, p, nil, unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			for _, b := range p[:k] {
				if order, ok := orders.Next(b); ok && order == report.Kill {
					row := g.board.Row(all[0].slot, int(orders.Row))
					if row.Word().State() != board.RowLive || row.Word().Epoch() != orders.Epoch {
						t.Fatalf("an order for row %d, epoch %d, whose word is %x", orders.Row, orders.Epoch, row.Word())
					}
					row.End()
					row.Free()
					ended++
				}
			}
		}
	})
	if r.Error != "" || len(r.Sessions) != n || ended != n {
		t.Errorf("%d sessions ended, the answer has %d: %s", ended, len(r.Sessions), r.Error)
	}
}

// In a pool a worker that does not answer is not killed; the reply names it.
func TestVerbsKillInPool(t *testing.T) {
	s := newPoolMaster(t, 2, 16)
	all := s.startSpares(2)
	s.afterEvent()
	s.addSession(all[0], "10.1.0.1:1")
	r := s.ask(control.Request{Verb: control.Kill, Filter: &control.Filter{All: true}}, nil)
	if len(r.Sessions) != 0 {
		t.Errorf("%+v, want no session", r)
	}
	for _, want := range []string{"1 of 1", fmt.Sprint(all[0].pid), "pool"} {
		if !strings.Contains(r.Error, want) {
			t.Errorf("error %q, want %q", r.Error, want)
		}
	}
	if s.watcher.Status(all[0].pidfd).Known || host.IsStopped(all[0].pid) {
		t.Error("it was killed or stopped")
	}
}
