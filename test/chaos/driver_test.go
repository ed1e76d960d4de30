// TestChaos's driver: it strikes processes and restarts what has ended.

package chaos

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// blow is a signal that was sent.
type blow struct {
	at     time.Time
	signal syscall.Signal
	role   role
	pid    int
	master int    // the worker's master; 0 for an orphan
	peer   string // peer of the session in its title; "" without one
}

// driver strikes a plug, and starts a new one on the same port and pidfile
// when its master or shepherd has ended.
type driver struct {
	*harness.Plug
	mu      sync.Mutex
	blows   []blow
	ended   map[int]time.Time // masters that were killed, or ended with their shepherd
	outages []harness.Span    // from a master's end until the next one serves
	held    sync.WaitGroup    // stopped processes
	count   map[string]int
	probe   func() // returns when a client has been served
}

// strike executes one entry of the schedule.
func (d *driver) strike(a act) {
	d.T.Helper()
	b := blow{signal: a.signal, role: a.role}
	harness.Await(d.T, "a process to strike", harness.LongWait, func() bool {
		d.alive()
		b.pid, b.master, b.peer = d.victim(a)
		return b.pid != 0
	})
	// A handle (a pidfd), so that the signal cannot hit another process.
	handle, err := os.FindProcess(b.pid)
	if err != nil || !harness.IsOf(b.pid, d.Bin) {
		d.strike(a) // it has ended in the meantime
		return
	}
	if a.role >= theMaster && a.signal != syscall.SIGSTOP {
		d.fell(b, handle)
		return
	}
	d.hit(handle, b)
	if a.signal != syscall.SIGSTOP {
		handle.Release()
		return
	}
	d.held.Go(func() {
		defer handle.Release()
		harness.Passed(a.held)
		if a.finish {
			b.signal = syscall.SIGKILL
			d.hit(handle, b)
		} else {
			handle.Signal(syscall.SIGCONT)
		}
	})
}

// victim chooses a live process with this role; of is the master of the
// worker, and peer its client.
func (d *driver) victim(a act) (pid, of int, peer string) {
	shepherd := d.Cmd.Process.Pid
	switch a.role {
	case theShepherd:
		return shepherd, 0, ""
	case theMaster:
		return d.Master, 0, ""
	}
	var found []harness.Process
	if listed, err := harness.ReadPidfile(d.Pidfile); a.role == aCarrier && err == nil {
		for _, pid := range listed[1:] {
			if q, err := harness.ReadProcess(pid); err == nil && harness.IsOf(pid, d.Bin) {
				found = append(found, q)
			}
		}
	}
	if len(found) == 0 {
		found = d.Workers()
	}
	if len(found) == 0 {
		return 0, 0, ""
	}
	q := found[int(a.pick*float64(len(found)))]
	if q.PPID == d.Master {
		of = d.Master
	}
	if client, _, carries := strings.Cut(strings.TrimPrefix(q.Title, fmt.Sprintf("plug: %d ", d.Port)), " > "); carries {
		peer, _, _ = strings.Cut(client, ":")
	}
	return q.PID, of, peer
}

// hit records a blow before it falls, so that the judge never finds a death
// that is not in the list yet.
func (d *driver) hit(to *os.Process, b blow) {
	d.mu.Lock()
	b.at = time.Now()
	d.blows = append(d.blows, b)
	d.mu.Unlock()
	d.counted(fmt.Sprintf("%v %v", b.signal, b.role))
	to.Signal(b.signal)
}

func (d *driver) counted(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count[what]++
}

// fell kills the master or the shepherd, waits for the consequences, and
// starts a new plug.
func (d *driver) fell(b blow, handle *os.Process) {
	d.T.Helper()
	outage := harness.Span{From: time.Now()}
	old := d.Master
	d.hit(handle, b)
	handle.Release()
	harness.Await(d.T, fmt.Sprintf("the master's end after %v to the %v", b.signal, b.role), harness.LongWait,
		func() bool { return !harness.IsOf(old, d.Bin) && d.HasExited() })
	d.mu.Lock()
	d.ended[old] = time.Now()
	d.mu.Unlock()
	d.restart()
	outage.To = time.Now()
	d.mu.Lock()
	d.outages = append(d.outages, outage)
	d.mu.Unlock()
}

// restart starts the next plug. A stopped worker may hold the port longer than
// a start tries; then the start must report it, and is repeated.
func (d *driver) restart() {
	d.T.Helper()
	for range 5 {
		said := len(d.Errors())
		if d.Relaunch() {
			d.probe()
			d.counted("starts")
			return
		}
		if why := d.Errors()[said:]; d.Code() != 4 || !heldByPID.MatchString(why) {
			d.T.Fatalf("the new plug exits with %d: %s", d.Code(), why)
		}
		d.counted("starts refused")
	}
	d.T.Fatalf("five starts failed: %s", harness.Tail(d.Errors(), 2000))
}

// alive fails the test if the master or the shepherd has ended without a blow.
func (d *driver) alive() {
	d.T.Helper()
	if d.HasExited() || !harness.IsOf(d.Master, d.Bin) {
		d.T.Fatalf("master %d or its shepherd have ended unbidden: %s\nlast blows: %v", d.Master, harness.Tail(d.Errors(), 2000), d.last(5))
	}
}

func (d *driver) last(n int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s []string
	for _, b := range harness.Last(d.blows, n) {
		s = append(s, fmt.Sprintf("%s %v to %v %d", b.at.Format("05.000"), b.signal, b.role, b.pid))
	}
	return s
}

// undisturbed waits for what must be true again after a while without blows:
// the pidfile lists no session, the titles count none, and there are no
// zombies.
func (d *driver) undisturbed(mode string) {
	d.T.Helper()
	harness.Await(d.T, "orphans to end and spares to wait", 20*time.Second, func() bool {
		for _, w := range d.Workers() {
			if w.PPID != d.Master || w.State == 'T' {
				return false
			}
		}
		return true
	})
	want := fmt.Sprintf("plug: master %d (0 sessions)", d.Port)
	harness.Await(d.T, "the master's title to count no session", harness.LongWait, func() bool { return harness.Title(d.Master) == want })
	harness.Await(d.T, "the pidfile to list no session", harness.LongWait, func() bool {
		pids := d.PIDs()
		if mode != "pool" {
			return len(pids) == 1 && pids[0] == d.Master
		}
		return len(pids) == 1+len(d.Workers())
	})
	harness.Await(d.T, "zombies to be reaped", harness.NormalWait, func() bool { return len(harness.Zombies(d.Master, d.Cmd.Process.Pid)) == 0 })
}

func newDriver(t testing.TB, mode string, args ...string) *driver {
	t.Helper()
	d := &driver{Plug: harness.Prepare(t, mode, append(args, "-n")...), ended: map[int]time.Time{}, count: map[string]int{}}
	return d
}
