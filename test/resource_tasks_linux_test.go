// TestResource: no more processes or threads.

package test

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
)

// stranger is a user without other processes here: all its tasks belong to one
// plug.
func stranger(mode string) string {
	uid := map[string]int{"fork": 54321, "prefork": 54322, "pool": 54323}[mode] + 10*(os.Getpid()%1000)
	return fmt.Sprintf("%d:%d", uid, uid)
}

// spareTasks are how many more tasks a limit allows in the tests below: none,
// so that no worker can be forked, and so few that a worker is forked but
// cannot start a thread.
var spareTasks = []int{0, 2}

// manyTasks is the number of threads of processes.
func manyTasks(procs []process) (n int) {
	for _, q := range procs {
		n += len(tasks(q.pid))
	}
	return n
}

// shortOfTasks starts clients that need new workers under a limit that forbids
// them, and checks everything that must hold.
func shortOfTasks(t *testing.T, p *plug, held []*net.TCPConn, name string, lift func()) {
	t.Helper()
	w := queue(t, p, 8)
	log := p.saysOnce(name)
	for _, c := range held {
		flow(t, c, 1<<20)
	}
	lifted := time.Now()
	lift()
	w.served(t)
	p.ended(log, p.whole(lifted, append(held, w.conns...), len(held)+len(w.conns)))
}

// RLIMIT_NPROC counts a user's tasks: those of --user, since root is not
// limited.
func userProcesses(t *testing.T) {
	needRoot(t)
	for _, more := range spareTasks {
		t.Run(fmt.Sprintf("and %d more", more), func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := startDaemon(t, mode, append(tightArgs(mode), "--user", stranger(mode), serve(t, anywhere, echo).addr())...)
				held := hold(t, p, 2)
				p.lists(held)
				p.spares(2)
				at := manyTasks(p.workers()) + more
				lift := limit(t, p.master, unix.RLIMIT_NPROC, uint64(at))
				shortOfTasks(t, p, held, fmt.Sprintf(`\(.*RLIMIT_NPROC %d\b.*\)`, at), lift)
			}, "fork", "prefork")
		})
	}
}

// pids.max counts the tasks of the whole plug, including the master's threads.
func cgroupTasks(t *testing.T) {
	for _, more := range spareTasks {
		t.Run(fmt.Sprintf("and %d more", more), func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				g := newCgroup(t, "pids")
				p := startDaemon(t, mode, append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
				held := hold(t, p, 2)
				p.lists(held)
				p.spares(2)
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
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		g := newCgroup(t, "pids")
		p := startDaemon(t, mode, append(sparesArgs(mode, 8), serve(t, anywhere, greet("x")).addr())...)
		p.spares(8)
		g.take(p)
		g.set("pids.max", strconv.Itoa(g.get("pids.current")))
		workers, master := p.spares(8), p.master
		n := count(3000)
		if mode == "fork" {
			n = 6 // each ends its worker, and there are no others
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range n / 3 {
					if greeting(t, "", p.addr()) != "x" {
						t.Error("a client was turned away")
					}
				}
			})
		}
		wg.Wait()
		if mode != "fork" {
			c := dial(t, p.addr())
			c.SetDeadline(time.Now().Add(time.Minute))
			c.Read(make([]byte, 2))
			flow(t, c, int64(count(1<<30)))
			finish(c)
			n++
		}
		p.lines(n)
		if mode != "fork" {
			for _, w := range workers {
				if !isOf(w.pid, p.bin) {
					t.Errorf("worker %d has ended", w.pid)
				}
			}
		}
		if !isOf(master, p.bin) {
			t.Error("the master has ended")
		}
		g.set("pids.max", "max")
	})
}

// namespacePIDs runs in a PID namespace, which has its own kernel.pid_max
// (Linux 6.14 and later).
func namespacePIDs(t *testing.T) {
	const max = "/proc/sys/kernel/pid_max"
	forEachMode(t, func(t *testing.T, mode string) {
		if err := os.WriteFile(max, []byte("4000"), 0o644); err != nil {
			t.Skipf("a pid_max of its own: %v", err)
		}
		p := startDaemon(t, mode, append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
		held := hold(t, p, 2)
		p.lists(held)
		p.spares(2)
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
	sleep := program(t, "sleep")
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
