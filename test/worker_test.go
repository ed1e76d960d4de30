// Tests of a worker process: descriptors, environment, user.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// grown waits for n workers that have set their titles: a forked process has
// its master's title, group and signals until it calls exec.
func grown(p *harness.Plug, n int) (workers []harness.Process) {
	p.T.Helper()
	harness.Await(p.T, fmt.Sprintf("%d workers that have started", n), 30*time.Second, func() bool {
		workers = p.Workers()
		return len(workers) == n && !slices.ContainsFunc(workers, func(w harness.Process) bool {
			return !strings.HasPrefix(w.Title, fmt.Sprintf("plug: %d ", p.Port))
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
	for _, is := range harness.Descriptors(pid) {
		if is == "anon_inode:[eventpoll]" {
			n++
		}
	}
	return n
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
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		for _, session := range []bool{true, false} {
			p := harness.Prepare(t, mode, append(harness.SparesArgs(mode, 2), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
			if !session {
				i := slices.Index(p.Args, "-S")
				p.Args = slices.Delete(p.Args, i, i+2)
			}
			p.Daemon = true
			p.Launch(func(c *exec.Cmd) { c.ExtraFiles = slices.Repeat([]*os.File{stray}, 30) })
			if code := p.Wait(harness.ServeBound); code != 0 {
				t.Fatalf("exits with %d: %s", code, p.Errors())
			}
			p.Serves()
			for _, sessions := range []int{0, 20} {
				for range sessions {
					c := harness.Dial(t, p.Addr())
					harness.MustPing(t, c)
					harness.Finish(c)
				}
				// A client may see the end slightly before the worker has
				// closed everything.
				var faults []string
				harness.HoldsWithin(harness.ShortWait, func() bool {
					faults = nil
					for _, w := range p.Spares(2) {
						faults = append(faults, harness.Undue(p, w, session)...)
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
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		want := []string{
			"GODEBUG=containermaxprocs=0,updatemaxprocs=0,asyncpreemptoff=1",
			"GOGC=off",
			"GOMAXPROCS=1",
			"GOMEMLIMIT=32MiB",
		}
		if mode == "pool" || harness.IsPortable() { // these leave garbage
			want = slices.Delete(slices.Delete(want, 3, 4), 1, 2)
		}
		p := harness.Start(t, mode, append(harness.SparesArgs(mode, 2), harness.Refusing(t))...)
		for _, w := range p.Spares(2) {
			if env := harness.Environment(w.PID); !slices.Equal(env, want) {
				t.Errorf("worker %d: %q, want %q", w.PID, env, want)
			}
		}
	})
}

// A worker has its own process group, is a child of the master, ignores a
// terminal's signals, and ps and pgrep show it with the plug's name.
func TestWorkerProcess(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, append(harness.SparesArgs(mode, 2), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		c := harness.Dial(t, p.Addr())
		harness.MustPing(t, c)
		workers := grown(p, withOneBusy(mode, 2))
		bit := func(s syscall.Signal) uint64 { return 1 << (s - 1) }
		ignored := bit(syscall.SIGHUP) | bit(syscall.SIGINT) | bit(syscall.SIGPIPE) | bit(syscall.SIGTSTP) | bit(syscall.SIGTTIN) | bit(syscall.SIGTTOU)
		for _, w := range workers {
			if w.PGID != w.PID || w.PPID != p.Master || w.Comm != "plug" {
				t.Errorf("%v: group %d", w, w.PGID)
			}
			if m := harness.SignalMask(t, w.PID, "SigIgn"); m&ignored != ignored || m&bit(syscall.SIGTERM) != 0 {
				t.Errorf("worker %d ignores %016x", w.PID, m)
			}
			if m := harness.SignalMask(t, w.PID, "SigBlk"); m != 0 {
				t.Errorf("worker %d blocks %016x", w.PID, m)
			}
			for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU} {
				syscall.Kill(w.PID, s)
			}
		}
		harness.MustPing(t, c)
		before := p.Procs()
		pgrep, err := exec.Command(harness.Program(t, "pgrep"), "-x", "plug").Output()
		if err != nil {
			t.Fatalf("pgrep: %v", err)
		}
		after := p.Procs()
		for _, q := range before {
			// Spares come and go.
			if slices.Contains(after, q) && !slices.Contains(strings.Fields(string(pgrep)), fmt.Sprint(q.PID)) {
				t.Errorf("pgrep -x plug doesn't find %v", q)
			}
		}
	})
}

// --user: the workers run as another user, without root's groups.
func TestWorkerUser(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, append(harness.SparesArgs(mode, 2), "--user", "nobody", "-l", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		c := harness.Dial(t, p.Addr())
		harness.MustPing(t, c)
		for _, w := range grown(p, withOneBusy(mode, 2)) {
			s := harness.ProcStatus(fmt.Sprintf("/proc/%d", w.PID))
			if s["Uid"] != "65534\t65534\t65534\t65534" || s["Gid"] != "65534\t65534\t65534\t65534" ||
				strings.Contains(" "+s["Groups"]+" ", " 0 ") || s["CapEff"] != "0000000000000000" {
				t.Errorf("worker %d: uid %q, gid %q, groups %q, capabilities %s", w.PID, s["Uid"], s["Gid"], s["Groups"], s["CapEff"])
			}
		}
		harness.Finish(c)
		p.Lines(1)
		p.Syslog.Await(t, `.* Complete\.`)
	})
}
