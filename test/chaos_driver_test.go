// TestChaos's driver: it strikes processes and restarts what has ended.

package test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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
	*plug
	mu      sync.Mutex
	blows   []blow
	ended   map[int]time.Time // masters that were killed, or ended with their shepherd
	outages []span            // from a master's end until the next one serves
	held    sync.WaitGroup    // stopped processes
	count   map[string]int
	probe   func() // returns when a client has been served
}

// strike executes one entry of the schedule.
func (d *driver) strike(a act) {
	d.t.Helper()
	b := blow{signal: a.signal, role: a.role}
	await(d.t, "a process to strike", longWait, func() bool {
		d.alive()
		b.pid, b.master, b.peer = d.victim(a)
		return b.pid != 0
	})
	// A handle (a pidfd), so that the signal cannot hit another process.
	handle, err := os.FindProcess(b.pid)
	if err != nil || !isOf(b.pid, d.bin) {
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
		passed(a.held)
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
	shepherd := d.cmd.Process.Pid
	switch a.role {
	case theShepherd:
		return shepherd, 0, ""
	case theMaster:
		return d.master, 0, ""
	}
	var found []process
	if listed, err := readPidfile(d.pidfile); a.role == aCarrier && err == nil {
		for _, pid := range listed[1:] {
			if q, err := readProcess(pid); err == nil && isOf(pid, d.bin) {
				found = append(found, q)
			}
		}
	}
	if len(found) == 0 {
		found = d.workers()
	}
	if len(found) == 0 {
		return 0, 0, ""
	}
	q := found[int(a.pick*float64(len(found)))]
	if q.ppid == d.master {
		of = d.master
	}
	if client, _, carries := strings.Cut(strings.TrimPrefix(q.title, fmt.Sprintf("plug: %d ", d.port)), " > "); carries {
		peer, _, _ = strings.Cut(client, ":")
	}
	return q.pid, of, peer
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
	d.t.Helper()
	outage := span{from: time.Now()}
	old := d.master
	d.hit(handle, b)
	handle.Release()
	await(d.t, fmt.Sprintf("the master's end after %v to the %v", b.signal, b.role), longWait,
		func() bool { return !isOf(old, d.bin) && d.hasExited() })
	d.mu.Lock()
	d.ended[old] = time.Now()
	d.mu.Unlock()
	d.restart()
	outage.to = time.Now()
	d.mu.Lock()
	d.outages = append(d.outages, outage)
	d.mu.Unlock()
}

// restart starts the next plug. A stopped worker may hold the port longer than
// a start tries; then the start must report it, and is repeated.
func (d *driver) restart() {
	d.t.Helper()
	for range 5 {
		said := len(d.errors())
		if d.relaunch() {
			d.probe()
			d.counted("starts")
			return
		}
		if why := d.errors()[said:]; d.code() != 4 || !heldByPID.MatchString(why) {
			d.t.Fatalf("the new plug exits with %d: %s", d.code(), why)
		}
		d.counted("starts refused")
	}
	d.t.Fatalf("five starts in vain: %s", tail(d.errors(), 2000))
}

// alive fails the test if the master or the shepherd has ended without a blow.
func (d *driver) alive() {
	d.t.Helper()
	if d.hasExited() || !isOf(d.master, d.bin) {
		d.t.Fatalf("master %d or its shepherd have ended unbidden: %s\nlast blows: %v", d.master, tail(d.errors(), 2000), d.last(5))
	}
}

func (d *driver) last(n int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s []string
	for _, b := range last(d.blows, n) {
		s = append(s, fmt.Sprintf("%s %v to %v %d", b.at.Format("05.000"), b.signal, b.role, b.pid))
	}
	return s
}

// undisturbed waits for what must be true again after a while without blows:
// the pidfile lists no session, the titles count none, and there are no
// zombies.
func (d *driver) undisturbed(mode string) {
	d.t.Helper()
	await(d.t, "orphans to end and spares to wait", 20*time.Second, func() bool {
		for _, w := range d.workers() {
			if w.ppid != d.master || w.state == 'T' {
				return false
			}
		}
		return true
	})
	want := fmt.Sprintf("plug: master %d (0 sessions)", d.port)
	await(d.t, "the master's title to count no session", longWait, func() bool { return title(d.master) == want })
	await(d.t, "the pidfile to list no session", longWait, func() bool {
		pids := d.pids()
		if mode != "pool" {
			return len(pids) == 1 && pids[0] == d.master
		}
		return len(pids) == 1+len(d.workers())
	})
	await(d.t, "zombies to be reaped", normalWait, func() bool { return len(zombies(d.master, d.cmd.Process.Pid)) == 0 })
}

// zombies are the dead children that their parents have not reaped.
func zombies(parents ...int) (found []process) {
	dirs, _ := os.ReadDir("/proc")
	for _, dir := range dirs {
		var pid int
		if _, err := fmt.Sscanf(dir.Name(), "%d", &pid); err != nil {
			continue
		}
		q, err := readProcess(pid)
		for _, parent := range parents {
			if err == nil && q.state == 'Z' && q.ppid == parent {
				found = append(found, q)
			}
		}
	}
	return found
}

func newDriver(t testing.TB, mode string, args ...string) *driver {
	t.Helper()
	d := &driver{plug: prepare(t, mode, append(args, "-n")...), ended: map[int]time.Time{}, count: map[string]int{}}
	return d
}
