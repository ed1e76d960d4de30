// TestResource: no more processes or threads.

package resource

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// spareTasks are how many more tasks a limit allows in the tests below: none,
// so that no worker can be forked, and so few that a worker is forked but
// cannot start a thread.
var spareTasks = []int{0, 2}

// shortOfTasks starts clients that need new workers under a limit that forbids
// them, and checks everything that must hold.
func shortOfTasks(t *testing.T, p *harness.Plug, held []*net.TCPConn, name string, lift func()) {
	t.Helper()
	w := harness.QueueClients(t, p, 8)
	log := p.SaysOnce(name)
	for _, c := range held {
		harness.FlowOn(t, c, 1<<20)
	}
	lifted := time.Now()
	lift()
	w.Served(t)
	addEnding(p, log, whole(p, lifted, append(held, w.Conns...), len(held)+len(w.Conns)))
}

// RLIMIT_NPROC counts a user's tasks: those of --user, since root is not
// limited.
func userProcesses(t *testing.T) {
	harness.NeedRoot(t)
	for _, more := range spareTasks {
		t.Run(fmt.Sprintf("and %d more", more), func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), "--user", harness.Stranger(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
				held := harness.Hold(t, p, 2)
				p.Lists(held)
				p.Spares(2)
				at := harness.ManyTasks(p.Workers()) + more
				lift := harness.SetLimit(t, p.Master, unix.RLIMIT_NPROC, uint64(at))
				shortOfTasks(t, p, held, fmt.Sprintf(`\(.*RLIMIT_NPROC %d\b.*\)`, at), lift)
			}, "fork", "prefork")
		})
	}
}

// pids.max counts the tasks of the whole plug, including the master's threads.
func cgroupTasks(t *testing.T) {
	for _, more := range spareTasks {
		t.Run(fmt.Sprintf("and %d more", more), func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				g := newCgroup(t, "pids")
				p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
				held := harness.Hold(t, p, 2)
				p.Lists(held)
				p.Spares(2)
				g.take(p)
				at := g.get("pids.current") + more
				g.set("pids.max", strconv.Itoa(at))
				shortOfTasks(t, p, held, fmt.Sprintf(`\(.*pids\.max of %s %d\b.*\)`, regexp.QuoteMeta(g.path), at),
					func() { g.set("pids.max", "max") })
			}, "fork", "prefork")
		})
	}
}

// A worker that has started needs no more threads, whatever it carries.
func noThreads(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		g := newCgroup(t, "pids")
		p := harness.StartDaemon(t, mode, append(harness.SparesArgs(mode, 8), harness.Serve(t, harness.Anywhere, harness.Greet("x")).Addr())...)
		p.Spares(8)
		g.take(p)
		g.set("pids.max", strconv.Itoa(g.get("pids.current")))
		workers, master := p.Spares(8), p.Master
		n := harness.Count(3000)
		if mode == "fork" {
			n = 6 // each ends its worker, and there are no others
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range n / 3 {
					if harness.Greeting(t, "", p.Addr()) != "x" {
						t.Error("a client was turned away")
					}
				}
			})
		}
		wg.Wait()
		if mode != "fork" {
			c := harness.Dial(t, p.Addr())
			c.SetDeadline(time.Now().Add(time.Minute))
			c.Read(make([]byte, 2))
			harness.FlowOn(t, c, int64(harness.Count(1<<30)))
			harness.Finish(c)
			n++
		}
		p.Lines(n)
		if mode != "fork" {
			for _, w := range workers {
				if !harness.IsOf(w.PID, p.Bin) {
					t.Errorf("worker %d has ended", w.PID)
				}
			}
		}
		if !harness.IsOf(master, p.Bin) {
			t.Error("the master has ended")
		}
		g.set("pids.max", "max")
	})
}

// namespacePIDs runs in a PID namespace, which has its own kernel.pid_max
// (Linux 6.14 and later).
func namespacePIDs(t *testing.T) {
	const max = "/proc/sys/kernel/pid_max"
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		if err := os.WriteFile(max, []byte("4000"), 0o644); err != nil {
			t.Skipf("a pid_max of its own: %v", err)
		}
		p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, 2)
		p.Lists(held)
		p.Spares(2)
		// The minimum is 301; sleepers take the rest.
		const at = 301
		sleepers := fillPIDs(t, at)
		shortOfTasks(t, p, held, fmt.Sprintf(`\(.*kernel\.pid_max %d\b.*\)`, at), func() {
			os.WriteFile(max, []byte("4000"), 0o644)
			sleepers()
		})
	}, "fork", "prefork")
}

// fillPIDs uses every PID up to a new pid_max with sleeping processes, and
// returns a function that ends them. This process must have its threads
// before.
func fillPIDs(t *testing.T, most int) (free func()) {
	t.Helper()
	sleep := harness.Program(t, "sleep")
	prepareThreads(t)
	if err := os.WriteFile("/proc/sys/kernel/pid_max", []byte(strconv.Itoa(most)), 0o644); err != nil {
		t.Fatal(err)
	}
	var all []*exec.Cmd
	free = func() {
		for _, c := range all {
			c.Process.Kill()
		}
		for _, c := range all {
			c.Wait()
		}
		all = nil
	}
	t.Cleanup(free)
	for {
		c := exec.Command(sleep, "600")
		if err := c.Start(); errors.Is(err, syscall.EAGAIN) {
			return free
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
}

// prepareThreads makes this process's runtime start threads, which it keeps.
func prepareThreads(t *testing.T) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	var all, blocked sync.WaitGroup
	for range 40 {
		blocked.Add(1)
		all.Go(func() {
			blocked.Done()
			syscall.Read(fds[0], make([]byte, 1))
		})
	}
	blocked.Wait()
	syscall.Close(fds[1])
	all.Wait()
	syscall.Close(fds[0])
}
