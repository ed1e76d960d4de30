// Upgrade tests: the new master runs out of a resource, time or rights.

package upgrade

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// limited puts the next binary at the plug's path with a script before it that
// limits its resources (prlimit(1)). The script executes the program, so that
// it is the same process.
func limited(p *harness.Plug, options string) {
	p.T.Helper()
	p.Write(fmt.Sprintf("#!/bin/sh\nexec %s %s %s \"$@\"\n", harness.Program(p.T, "prlimit"), options, harness.Stamped(p.T, harness.NextVersion)), 0o755)
}

// If a new master runs out of something, it fails at that point, with workers
// already started or half of the roster received; the old one continues
// unchanged.
func TestUpgradeRunsOut(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUnderTrial(t, mode)
		need := len(harness.Descriptors(p.Master))
		var all []plight
		// From a number with which no Go program starts to one that is just
		// too small for the roster: old and new workers have two descriptors
		// each.
		for n := 4; n < need; n += harness.Scaled(1, (need-4)/6) {
			all = append(all, p.runsOut("descriptors", fmt.Sprintf("--nofile=%d", n)))
		}
		for n := 16; n <= 96; n += harness.Scaled(8, 40) {
			all = append(all, p.runsOut("memory", fmt.Sprintf("--as=%d", n<<20)))
		}
		for _, one := range all {
			p.fails(one, 8*time.Second)
			if t.Failed() {
				return
			}
		}
	})
}

func (p *trialPlug) runsOut(what, option string) plight {
	return plight{what + " " + option, func(p *harness.Plug) { limited(p, option) }, `.`}
}

// The number of a user's processes is a limit for the workers of --user.
func TestUpgradeRunsOutOfProcesses(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUnderTrial(t, mode, "--user", harness.Stranger(mode))
		for _, more := range []int{0, 2, 5} {
			n := harness.ManyTasks(p.Workers()) + more
			p.fails(plight{fmt.Sprintf("processes, %d more", more), func(p *harness.Plug) { limited(p, fmt.Sprintf("--nproc=%d", n)) }, `.`}, harness.UpgradeBound)
			p.settled()
		}
	})
}

// The user of --user existed when the plug was started, but no longer does.
func TestUpgradeUserTakenAway(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfMounts) {
		return
	}
	passwd := filepath.Join(harness.OpenDir(t), "passwd")
	without := harness.ReadString("/etc/passwd")
	with := without + "plugtest:x:54399:54399::/:/bin/false\n"
	users := func(content string) {
		// In place: this file is mounted, not its name.
		if err := os.WriteFile(passwd, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	users(with)
	if err := unix.Mount(passwd, "/etc/passwd", "", unix.MS_BIND, ""); err != nil {
		t.Skipf("a passwd of its own: %v", err)
	}
	t.Cleanup(func() { unix.Unmount("/etc/passwd", unix.MNT_DETACH) })
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		users(with)
		p := startUnderTrial(t, mode, "--user", "plugtest")
		good := true
		p.mend = func() { users(with) }
		p.fails(plight{"a user that is gone", func(p *harness.Plug) {
			p.Install(harness.Stamped(t, harness.NextVersion))
			users(without)
			good = false
		}, `expected a user that exists on this system`}, 8*time.Second)
		if good {
			t.Error("nothing was tried")
		}
	})
}

// While upgrades fail at different points, clients come and go: all are
// served, and none by a process that ran the binary of a failed upgrade.
func TestUpgradeFailsUnderLoad(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := holdStreams(t, p, 5)
		held.carried(p)
		old := p.Master
		need := len(harness.Descriptors(old))
		watch := watchFor(p, harness.NextVersion)
		load := startLoad(t, p.Addr(), 2)
		rng := harness.Random(t)
		quick, _ := scripts()
		for range harness.Scaled(200, 8) {
			if rng.IntN(2) == 0 {
				limited(p, fmt.Sprintf("--nofile=%d", 10+rng.IntN(need-10)))
			} else {
				quick[rng.IntN(len(quick))].put(p)
			}
			p.FailsToUpgrade(8 * time.Second)
		}
		load.end()
		ran := watch()
		if p.PIDs()[0] != old || !harness.IsOf(old, p.Bin) {
			t.Errorf("the master is %d, was %d", p.PIDs()[0], old)
		}
		if err := load.faults(); err != nil {
			t.Errorf("%d of %d clients were not served: %v", len(load.errs), load.sessions(), err)
		}
		if err := held.end(); err != nil {
			t.Error(err)
		}
		lines := p.Lines(len(held.all) + load.sessions())
		if err := held.recorded(lines); err != nil {
			t.Error(err)
		}
		for _, l := range lines {
			// PIDs are reused, and a line's time is only exact to a second.
			if s, yes := ran[l.PID]; yes && s.Wider(time.Second).Overlaps(harness.Span{From: l.Ended, To: l.Ended.Add(time.Second)}) {
				t.Errorf("a session was carried by %d, of a failed upgrade: %+v", l.PID, l)
			}
		}
		t.Logf("%d sessions, longest wait of the lone client %v; %d processes ran the binary in vain", len(lines), quantile(load.lone, 1), len(ran))
		if len(ran) == 0 {
			t.Error("no upgrade came so far as to run anything")
		}
	})
}

// watchFor records all processes of this plug that run a stamped binary, and
// when they were seen, until the returned function is called. The binary may
// have any name.
func watchFor(p *harness.Plug, version string) func() map[int]harness.Span {
	p.T.Helper()
	binary := harness.Stamped(p.T, version)
	ran, stop := map[int]harness.Span{}, make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			dirs, _ := filepath.Glob("/proc/[0-9]*")
			for _, dir := range dirs {
				var pid int
				fmt.Sscanf(filepath.Base(dir), "%d", &pid)
				if harness.Runs(pid, binary) {
					now := time.Now()
					life, seen := ran[pid]
					if !seen {
						life.From = now
					}
					ran[pid] = harness.Span{From: life.From, To: now}
				}
			}
		}
	})
	return func() map[int]harness.Span {
		close(stop)
		wg.Wait()
		return ran
	}
}

// A new master that becomes ready at the very time of its timeout is either
// the master or not, but never something in between.
func TestUpgradeReadyAtTheTimeout(t *testing.T) {
	t.Parallel()
	if !harness.Soak() {
		t.Skip("takes 10 s a try: only in a soak")
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		for i := range 12 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
				held := harness.Hold(t, p, 3)
				old := p.Master
				p.Install(harness.Stamped(t, harness.NextVersion))
				before := len(p.Said(harness.SaidFailed))
				began := time.Now()
				p.Signal(syscall.SIGUSR2)
				fresh := 0
				harness.Await(t, "the new process", harness.NormalWait, func() bool {
					for _, q := range mastersOf(p) {
						if q.PID != old && q.PID != p.Cmd.Process.Pid {
							fresh = q.PID
						}
					}
					return fresh != 0
				})
				syscall.Kill(fresh, syscall.SIGSTOP)
				// From well before the timeout to just after it, with the rest
				// of the start still to be done.
				harness.Passed(time.Until(began.Add(9850*time.Millisecond + time.Duration(i)*15*time.Millisecond)))
				syscall.Kill(fresh, syscall.SIGCONT)
				harness.Await(t, "the upgrade's end", harness.UpgradeBound, func() bool {
					return len(p.Said(harness.SaidUpgraded)) > 0 || len(p.Said(harness.SaidFailed)) > before
				})
				harness.Await(t, "one master", harness.NormalWait, func() bool { return len(mastersOf(p)) == 2 })
				upgraded, failed := len(p.Said(harness.SaidUpgraded)) > 0, len(p.Said(harness.SaidFailed)) > before
				if upgraded == failed {
					t.Errorf("upgraded %v, failed %v", upgraded, failed)
				}
				t.Logf("continued %v after USR2: upgraded %v", time.Duration(9850+15*i)*time.Millisecond, upgraded)
				p.Master = p.PIDs()[0]
				if upgraded == (p.Master == old) || !harness.IsOf(p.Master, p.Bin) {
					t.Errorf("upgraded %v, the master was %d and is %d", upgraded, old, p.Master)
				}
				for _, c := range held {
					harness.MustPing(t, c)
				}
				c := harness.Dial(t, p.Addr())
				harness.MustPing(t, c)
				p.Upgrade(harness.OlderVersion)
				harness.MustPing(t, c)
			})
		}
	})
}
