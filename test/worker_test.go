// Tests of a worker process: descriptors, environment, user.

package test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spares waits for n workers that wait for a client, and returns them.
func (p *plug) spares(n int) []process {
	p.t.Helper()
	titles := []string{fmt.Sprintf("plug: %d spare", p.port), fmt.Sprintf("plug: %d pool (0 sessions)", p.port)}
	var found []process
	await(p.t, fmt.Sprintf("%d workers with one of the titles %q", n, titles), 30*time.Second, func() bool {
		found = slices.DeleteFunc(p.workers(), func(w process) bool { return !slices.Contains(titles, w.title) })
		return len(found) == n
	})
	return found
}

// readySpares waits for workers that have all the descriptors that they need
// to wait for a client, the timer last: their title says spare before that.
func (p *plug) readySpares(n int) []process {
	p.t.Helper()
	found := p.spares(n)
	for _, w := range found {
		await(p.t, "a spare to wait", normalWait, func() bool { return isPortable() || has(w.pid, "anon_inode:[timerfd]") })
	}
	return found
}

// grown waits for n workers that have set their titles: a forked process has
// its master's title, group and signals until it calls exec.
func (p *plug) grown(n int) (workers []process) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("%d workers that have started", n), 30*time.Second, func() bool {
		workers = p.workers()
		return len(workers) == n && !slices.ContainsFunc(workers, func(w process) bool {
			return !strings.HasPrefix(w.title, fmt.Sprintf("plug: %d ", p.port))
		})
	})
	return workers
}

// withOneBusy is the number of workers if n wait and one has a session: in
// pool mode that one also waits for more.
func withOneBusy(mode string, n int) int {
	if mode == "pool" {
		return n
	}
	return n + 1
}

// epollSets is the number of epoll sets of a process.
func epollSets(pid int) (n int) {
	for _, is := range descriptors(pid) {
		if is == "anon_inode:[eventpoll]" {
			n++
		}
	}
	return n
}

// has reports whether a process has a descriptor of a kind.
func has(pid int, kind string) bool {
	for _, is := range descriptors(pid) {
		if is == kind {
			return true
		}
	}
	return false
}

// sparesArgs returns arguments that make exactly n workers wait, in every
// mode.
func sparesArgs(mode string, n int) []string {
	if mode == "pool" {
		return []string{"--workers", fmt.Sprint(n)}
	}
	return []string{"--spares", fmt.Sprintf("%d:%d", n, n)}
}

// stated are a waiting worker's descriptors with fixed numbers; {sessions} is
// the session file.
var stated = map[int]string{
	0: "/dev/null", 1: "/dev/null", 2: "/dev/null",
	3: "socket:",    // lifeline
	4: "pipe:",      // report pipe
	5: "/memfd:",    // assignment
	6: "/memfd:",    // state
	7: "{sessions}", // closed without -S
	8: "socket:",    // syslog
	9: "socket:",    // listener
}

// polls is the number of additional epoll sets of a worker, plus a timer, with
// any numbers: with one session at a time the listener has its own set.
var polls = map[string]int{"fork": 2, "prefork": 2, "pool": 1}

// undue compares a worker's descriptors with the expected ones.
func undue(p *plug, w process, session bool) (faults []string) {
	want := maps.Clone(stated)
	want[7] = p.sessions
	if !session {
		delete(want, 7)
	}
	sets, alarms, has := 0, 0, descriptors(w.pid)
	listener := has[9]
	for fd, is := range has {
		kind, fixed := want[fd]
		switch {
		case fixed && strings.HasPrefix(is, kind):
			delete(want, fd)
		case is == "anon_inode:[eventpoll]":
			sets++
		case is == "anon_inode:[timerfd]":
			alarms++
		case isPortable() && (is == "anon_inode:[eventfd]" || is == listener): // Go's poller, and what it polls
		default:
			faults = append(faults, fmt.Sprintf("%d of %d is %s", fd, w.pid, is))
		}
	}
	for fd, kind := range want {
		faults = append(faults, fmt.Sprintf("%d is no %s", fd, kind))
	}
	if sets != polls[p.mode] && !(isPortable() && sets == 1) {
		faults = append(faults, fmt.Sprintf("it has %d epoll sets", sets))
	}
	if alarms != 1 && !isPortable() {
		faults = append(faults, fmt.Sprintf("it has %d timers", alarms))
	}
	slices.Sort(faults)
	return faults
}

// A worker has these descriptors and no others, whatever the starter had open,
// with -S and without, before its first session and, if it is reused, after.
func TestWorkerDescriptors(t *testing.T) {
	t.Parallel()
	stray, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer stray.Close()
	forEachMode(t, func(t *testing.T, mode string) {
		for _, session := range []bool{true, false} {
			p := prepare(t, mode, append(sparesArgs(mode, 2), serve(t, anywhere, echo).addr())...)
			if !session {
				i := slices.Index(p.args, "-S")
				p.args = slices.Delete(p.args, i, i+2)
			}
			p.daemon = true
			p.launch(func(c *exec.Cmd) { c.ExtraFiles = slices.Repeat([]*os.File{stray}, 30) })
			if code := p.wait(serveBound); code != 0 {
				t.Fatalf("exits with %d: %s", code, p.errors())
			}
			p.serves()
			for _, sessions := range []int{0, 20} {
				for range sessions {
					c := dial(t, p.addr())
					mustPing(t, c)
					finish(c)
				}
				// A client may see the end slightly before the worker has
				// closed everything.
				var faults []string
				holdsWithin(shortWait, func() bool {
					faults = nil
					for _, w := range p.spares(2) {
						faults = append(faults, undue(p, w, session)...)
					}
					return len(faults) == 0
				})
				if len(faults) > 0 {
					t.Errorf("-S %v, after %d sessions: %s", session, sessions, strings.Join(faults[:min(5, len(faults))], ", "))
				}
			}
		}
	})
}

// The environment is built from nothing; the test has the complete list.
func TestWorkerEnvironment(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		want := []string{
			"GODEBUG=containermaxprocs=0,updatemaxprocs=0,asyncpreemptoff=1",
			"GOGC=off",
			"GOMAXPROCS=1",
			"GOMEMLIMIT=32MiB",
		}
		if mode == "pool" || isPortable() { // these leave garbage
			want = slices.Delete(slices.Delete(want, 3, 4), 1, 2)
		}
		p := start(t, mode, append(sparesArgs(mode, 2), refusing(t))...)
		for _, w := range p.spares(2) {
			if env := environment(w.pid); !slices.Equal(env, want) {
				t.Errorf("worker %d: %q, want %q", w.pid, env, want)
			}
		}
	})
}

// A worker has its own process group, is a child of the master, ignores a
// terminal's signals, and ps and pgrep show it with the plug's name.
func TestWorkerProcess(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, append(sparesArgs(mode, 2), serve(t, anywhere, echo).addr())...)
		c := dial(t, p.addr())
		mustPing(t, c)
		workers := p.grown(withOneBusy(mode, 2))
		bit := func(s syscall.Signal) uint64 { return 1 << (s - 1) }
		ignored := bit(syscall.SIGHUP) | bit(syscall.SIGINT) | bit(syscall.SIGPIPE) | bit(syscall.SIGTSTP) | bit(syscall.SIGTTIN) | bit(syscall.SIGTTOU)
		for _, w := range workers {
			if w.pgid != w.pid || w.ppid != p.master || w.comm != "plug" {
				t.Errorf("%v: group %d", w, w.pgid)
			}
			if m := mask(t, w.pid, "SigIgn"); m&ignored != ignored || m&bit(syscall.SIGTERM) != 0 {
				t.Errorf("worker %d ignores %016x", w.pid, m)
			}
			if m := mask(t, w.pid, "SigBlk"); m != 0 {
				t.Errorf("worker %d blocks %016x", w.pid, m)
			}
			for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU} {
				syscall.Kill(w.pid, s)
			}
		}
		mustPing(t, c)
		before := p.procs()
		pgrep, err := exec.Command(program(t, "pgrep"), "-x", "plug").Output()
		if err != nil {
			t.Fatalf("pgrep: %v", err)
		}
		after := p.procs()
		for _, q := range before {
			// Spares come and go.
			if slices.Contains(after, q) && !slices.Contains(strings.Fields(string(pgrep)), fmt.Sprint(q.pid)) {
				t.Errorf("pgrep -x plug doesn't find %v", q)
			}
		}
	})
}

// --user: the workers run as another user, without root's groups.
func TestWorkerUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, append(sparesArgs(mode, 2), "--user", "nobody", "-l", serve(t, anywhere, echo).addr())...)
		c := dial(t, p.addr())
		mustPing(t, c)
		for _, w := range p.grown(withOneBusy(mode, 2)) {
			s := status(fmt.Sprintf("/proc/%d", w.pid))
			if s["Uid"] != "65534\t65534\t65534\t65534" || s["Gid"] != "65534\t65534\t65534\t65534" ||
				strings.Contains(" "+s["Groups"]+" ", " 0 ") || s["CapEff"] != "0000000000000000" {
				t.Errorf("worker %d: uid %q, gid %q, groups %q, capabilities %s", w.pid, s["Uid"], s["Gid"], s["Groups"], s["CapEff"])
			}
		}
		finish(c)
		p.lines(1)
		p.syslog.await(t, `.* Complete\.`)
	})
}
