// Upgrade tests: the new master runs out of a resource, time or rights.

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limited puts the next binary at the plug's path with a script before it that
// limits its resources (prlimit(1)). The script executes the program, so that
// it is the same process.
func (p *plug) limited(options string) {
	p.t.Helper()
	p.write(fmt.Sprintf("#!/bin/sh\nexec %s %s %s \"$@\"\n", program(p.t, "prlimit"), options, stampedWith(p.t, nextOne)), 0o755)
}

// If a new master runs out of something, it fails at that point, with workers
// already started or half of the roster received; the old one continues
// unchanged.
func TestUpgradeRunsOut(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUnderTrial(t, mode)
		need := len(descriptors(p.master))
		var all []plight
		// From a number with which no Go program starts to one that is just
		// too small for the roster: old and new workers have two descriptors
		// each.
		for n := 4; n < need; n += scaled(1, (need-4)/6) {
			all = append(all, p.runsOut("descriptors", fmt.Sprintf("--nofile=%d", n)))
		}
		for n := 16; n <= 96; n += scaled(8, 40) {
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
	return plight{what + " " + option, func(p *plug) { p.limited(option) }, `.`}
}

// The number of a user's processes is a limit for the workers of --user.
func TestUpgradeRunsOutOfProcesses(t *testing.T) {
	needRoot(t)
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUnderTrial(t, mode, "--user", stranger(mode))
		for _, more := range []int{0, 2, 5} {
			n := manyTasks(p.workers()) + more
			p.fails(plight{fmt.Sprintf("processes, %d more", more), func(p *plug) { p.limited(fmt.Sprintf("--nproc=%d", n)) }, `.`}, upgradeBound)
			p.settled()
		}
	})
}

// The user of --user existed when the plug was started, but no longer does.
func TestUpgradeUserTakenAway(t *testing.T) {
	if !enter(t, ofMounts) {
		return
	}
	passwd := filepath.Join(openDir(t), "passwd")
	without := readString("/etc/passwd")
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
	forEachMode(t, func(t *testing.T, mode string) {
		users(with)
		p := startUnderTrial(t, mode, "--user", "plugtest")
		good := true
		p.mend = func() { users(with) }
		p.fails(plight{"a user that is gone", func(p *plug) {
			p.install(stampedWith(t, nextOne))
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
	forEachMode(t, func(t *testing.T, mode string) {
		p := startUpgradable(t, mode, thisOne, serve(t, anywhere, echo).addr())
		held := holdStreams(t, p, 5)
		held.carried(p)
		old := p.master
		need := len(descriptors(old))
		watch := p.watchFor(nextOne)
		load := startLoad(t, p.addr(), 2)
		rng := random(t)
		quick, _ := scripts()
		for range scaled(200, 8) {
			if rng.IntN(2) == 0 {
				p.limited(fmt.Sprintf("--nofile=%d", 10+rng.IntN(need-10)))
			} else {
				quick[rng.IntN(len(quick))].put(p)
			}
			p.failsToUpgrade(8 * time.Second)
		}
		load.end()
		ran := watch()
		if p.pids()[0] != old || !isOf(old, p.bin) {
			t.Errorf("the master is %d, was %d", p.pids()[0], old)
		}
		if err := load.faults(); err != nil {
			t.Errorf("%d of %d clients were not served: %v", len(load.errs), load.sessions(), err)
		}
		if err := held.end(); err != nil {
			t.Error(err)
		}
		lines := p.lines(len(held.all) + load.sessions())
		if err := held.recorded(lines); err != nil {
			t.Error(err)
		}
		for _, l := range lines {
			// PIDs are reused, and a line's time is only exact to a second.
			if s, yes := ran[l.pid]; yes && s.wider(time.Second).overlaps(span{l.ended, l.ended.Add(time.Second)}) {
				t.Errorf("a session was carried by %d, of a failed upgrade: %+v", l.pid, l)
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
func (p *plug) watchFor(version string) func() map[int]span {
	p.t.Helper()
	binary := stampedWith(p.t, version)
	ran, stop := map[int]span{}, make(chan struct{})
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
				if runs(pid, binary) {
					now := time.Now()
					life, seen := ran[pid]
					if !seen {
						life.from = now
					}
					ran[pid] = span{life.from, now}
				}
			}
		}
	})
	return func() map[int]span {
		close(stop)
		wg.Wait()
		return ran
	}
}

// A new master that becomes ready at the very time of its timeout is either
// the master or not, but never something in between.
func TestUpgradeReadyAtTheTimeout(t *testing.T) {
	if !soak() {
		t.Skip("takes 10 s a try: only in a soak")
	}
	forEachMode(t, func(t *testing.T, mode string) {
		for i := range 12 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				p := startUpgradable(t, mode, thisOne, serve(t, anywhere, echo).addr())
				held := hold(t, p, 3)
				old := p.master
				p.install(stampedWith(t, nextOne))
				before := len(p.said(saidFailed))
				began := time.Now()
				p.signal(syscall.SIGUSR2)
				fresh := 0
				await(t, "the new process", normalWait, func() bool {
					for _, q := range p.masters() {
						if q.pid != old && q.pid != p.cmd.Process.Pid {
							fresh = q.pid
						}
					}
					return fresh != 0
				})
				syscall.Kill(fresh, syscall.SIGSTOP)
				// From well before the timeout to just after it, with the rest
				// of the start still to be done.
				passed(time.Until(began.Add(9850*time.Millisecond + time.Duration(i)*15*time.Millisecond)))
				syscall.Kill(fresh, syscall.SIGCONT)
				await(t, "the upgrade's end", upgradeBound, func() bool {
					return len(p.said(saidUpgraded)) > 0 || len(p.said(saidFailed)) > before
				})
				await(t, "one master", normalWait, func() bool { return len(p.masters()) == 2 })
				upgraded, failed := len(p.said(saidUpgraded)) > 0, len(p.said(saidFailed)) > before
				if upgraded == failed {
					t.Errorf("upgraded %v, failed %v", upgraded, failed)
				}
				t.Logf("continued %v after USR2: upgraded %v", time.Duration(9850+15*i)*time.Millisecond, upgraded)
				p.master = p.pids()[0]
				if upgraded == (p.master == old) || !isOf(p.master, p.bin) {
					t.Errorf("upgraded %v, the master was %d and is %d", upgraded, old, p.master)
				}
				for _, c := range held {
					mustPing(t, c)
				}
				c := dial(t, p.addr())
				mustPing(t, c)
				p.upgrade(older)
				mustPing(t, c)
			})
		}
	})
}
