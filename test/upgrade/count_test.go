// TestUpgradesUnderLoad: upgrade after upgrade, and nothing is lost or leaks.

package upgrade

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// loneWithin is the maximum wait of a lone client, by DESIGN's fifth promise.
const loneWithin = 250 * time.Millisecond

// Upgrade after upgrade under load and under sessions that are held through
// all of them: no client notices, every session keeps its process, the pidfile
// is correct at all times, and nothing accumulates.
func TestUpgradesUnderLoad(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := holdStreams(t, p, harness.Count(200))
		held.carried(p)
		p.Hurry()
		p.Upgrade(harness.NextVersion)
		p.Upgrade(harness.ThisVersion)
		second := takeCensus(p, harness.ThisVersion, held)

		load := startLoad(t, p.Addr(), 8)
		watch := watchPidfile(p, held)
		n := harness.Count(100) - 3
		var upgrades []time.Duration
		for i := range n {
			version := []string{harness.NextVersion, harness.ThisVersion}[i%2]
			upgrades = append(upgrades, p.Upgrade(version))
			allRun(p, version, held)
		}
		load.end()
		reads, faults := watch()
		beside := startLoad(t, p.Addr(), 8)
		harness.Passed(min(load.took, time.Duration(harness.Count(int(20*time.Second)))))
		beside.end()
		p.Upgrade(harness.NextVersion) // it has not had any load, like the second one
		final := takeCensus(p, harness.NextVersion, held)

		t.Logf("%d upgrades in %v, each p50 %v, max %v: %v", n, load.took.Round(time.Millisecond), quantile(upgrades, 0.5), quantile(upgrades, 1), load)
		t.Logf("without upgrades: %v", beside)
		t.Logf("%s", handovers(p))
		for _, l := range []*upgradeLoad{load, beside} {
			if err := l.faults(); err != nil {
				t.Errorf("%d of %d clients were not served as they should: %v", len(l.errs), l.sessions(), err)
			}
		}
		if slowest := slices.Max(load.lone); slowest > loneWithin {
			t.Errorf("the lone client waited %v, not %v at most", slowest, loneWithin)
		}
		if reads == 0 || len(faults) > 0 {
			t.Errorf("%d reads of the pidfile, %d faults: %v", reads, len(faults), harness.Last(faults, 3))
		}
		t.Logf("%d reads of the pidfile", reads)
		final.near(t, second)
		if err := held.end(); err != nil {
			t.Error(err)
		}
		if err := held.recorded(p.Lines(len(held.all) + load.sessions() + beside.sessions())); err != nil {
			t.Error(err)
		}
		if most := mostAdopted(p); mode != "pool" && most > 2*len(held.all)+enough { // the first upgrade adds a spare for each busy worker
			t.Errorf("a master adopted %d workers, with %d sessions held: they add up", most, len(held.all))
		}
		if masters := mastersOf(p); len(masters) != 2 {
			t.Errorf("beside the workers there are not the shepherd and one master: %v", masters)
		}
	})
}

// enough is what 8 clients may need: the maximum number of spares, twice the
// clients, and the same number of workers that are about to end.
const enough = 16 + 3*8 + 8

// mostAdopted is the largest number of workers that a master has adopted.
func mostAdopted(p *harness.Plug) (most int) {
	for _, line := range p.Said(harness.SaidUpgraded) {
		n, err := strconv.Atoi(logged(line, "workers"))
		if err != nil {
			p.T.Fatalf("log line %q", line)
		}
		most = max(most, n)
	}
	return most
}

// mastersOf are the processes that are not workers.
func mastersOf(p *harness.Plug) (found []harness.Process) {
	for _, q := range p.Procs() {
		if environmentHas(q.PID, "PATH=") {
			found = append(found, q)
		}
	}
	return found
}

// environmentHas reports whether a process was started with such a variable: a
// worker's environment is built from nothing.
func environmentHas(pid int, prefix string) bool {
	return slices.ContainsFunc(harness.Environment(pid), func(e string) bool { return strings.HasPrefix(e, prefix) })
}

// allRun checks that every worker runs the stamped binary, except for those
// that carry older sessions, or have not ended yet.
func allRun(p *harness.Plug, version string, held *streamers) {
	p.T.Helper()
	carries := map[int]bool{}
	for _, one := range held.all {
		carries[one.pid] = true
	}
	var other []harness.Process
	if !harness.HoldsWithin(harness.NormalWait, func() bool {
		other = slices.DeleteFunc(p.Workers(), func(w harness.Process) bool {
			return carries[w.PID] || harness.Runs(w.PID, harness.Stamped(p.T, version)) || !harness.IsOf(w.PID, p.Bin)
		})
		return len(other) == 0
	}) {
		p.T.Errorf("they still run another binary: %v", harness.Last(other, 3))
	}
}

// watchPidfile reads the pidfile all the time, until the returned function is
// called: each read must be complete, start with a live master, and list the
// workers of all held sessions.
func watchPidfile(p *harness.Plug, held *streamers) func() (reads int, faults []string) {
	want := map[int]bool{}
	for _, one := range held.all {
		want[one.pid] = true
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var reads int
	var faults []string
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			reads++
			began := time.Now()
			pids, err := harness.ReadPidfile(p.Pidfile)
			if err != nil {
				faults = append(faults, err.Error())
				continue
			}
			missing := 0
			for pid := range want {
				if !slices.Contains(pids[1:], pid) {
					missing++
				}
			}
			// It may end as soon as another one has replaced it.
			alive := harness.IsOf(pids[0], p.Bin) || !slices.Equal(pids[:1], first(p.Pidfile))
			if missing > 0 || !alive {
				faults = append(faults, fmt.Sprintf("%s: master %d alive %v, %d of %d carriers missing", began.Format("05.000"), pids[0], alive, missing, len(want)))
			}
		}
	})
	return func() (int, []string) {
		close(stop)
		wg.Wait()
		return reads, faults
	}
}

// first is the pidfile's first line.
func first(pidfile string) []int {
	pids, err := harness.ReadPidfile(pidfile)
	if err != nil {
		return nil
	}
	return pids[:1]
}

// census is the resources of master and shepherd.
type census struct {
	descriptors, threads, memory [2]int
}

// takeCensus counts when all replaced processes and their traces have gone.
func takeCensus(p *harness.Plug, version string, held *streamers) (c census) {
	p.T.Helper()
	allRun(p, version, held)
	harness.Await(p.T, "the last dead workers to be reaped", harness.NormalWait, func() bool { return len(harness.Zombies(p.Master, p.Cmd.Process.Pid)) == 0 })
	harness.Await(p.T, "the numbers to stand still", 20*time.Second, func() bool {
		before := descriptorNumbers(p)
		harness.Passed(500 * time.Millisecond)
		c = descriptorNumbers(p)
		return c.descriptors == before.descriptors && c.threads == before.threads
	})
	return c
}

func descriptorNumbers(p *harness.Plug) (c census) {
	for i, pid := range []int{p.Master, p.Cmd.Process.Pid} {
		c.descriptors[i] = len(harness.Descriptors(pid))
		c.threads[i] = len(harness.Tasks(pid))
		c.memory[i] = harness.RSS(pid)
	}
	c.descriptors[0] -= 2 * len(p.Workers()) // a lifeline and a pidfd each, and their number depends on the load
	return c
}

// near compares, within the promised 5 %. A decrease is not a leak, and
// neither is one more thread that a runtime has started at some time.
func (c census) near(t testing.TB, before census) {
	t.Helper()
	for i, who := range []string{"master", "shepherd"} {
		for _, n := range []struct {
			what     string
			now, was int
			slack    int
		}{
			{"descriptors", c.descriptors[i], before.descriptors[i], 0},
			{"threads", c.threads[i], before.threads[i], 1},
			{"bytes of memory", c.memory[i], before.memory[i], 0},
		} {
			t.Logf("%s: %d %s, were %d", who, n.now, n.what, n.was)
			if n.now > n.was+max(n.was/20, n.slack) {
				t.Errorf("%s: %d %s, were %d", who, n.now, n.what, n.was)
			}
		}
	}
}

// handovers is how long the handovers took, by the new masters' own clocks.
func handovers(p *harness.Plug) string {
	frozen, gates := spans(p)
	return fmt.Sprintf("%d handovers: without spawning p50 %v, max %v; between the gates p50 %v, max %v",
		len(frozen), quantile(frozen, 0.5), quantile(frozen, 1), median(gates), slices.Max(gates))
}

func median(d []time.Duration) time.Duration { return slices.Sorted(slices.Values(d))[len(d)/2] }

// spans are the times without spawning and those between the gates, from the
// log.
func spans(p *harness.Plug) (frozen, gates []time.Duration) {
	p.T.Helper()
	for _, line := range p.Said(harness.SaidUpgraded) {
		a, err1 := time.ParseDuration(logged(line, "frozen_ms") + "ms")
		b, err2 := time.ParseDuration(logged(line, "gates_ms") + "ms")
		if err1 != nil || err2 != nil {
			p.T.Fatalf("log line %q", line)
		}
		frozen, gates = append(frozen, a), append(gates, b)
	}
	return frozen, gates
}

// logged is a value in a log line.
func logged(line, key string) string {
	_, value, _ := strings.Cut(line, " "+key+"=")
	value, _, _ = strings.Cut(value, " ")
	return strings.Trim(value, `"`)
}
