// Tests of the pidfile's content while sessions come and go.

package test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// reading is one read of the pidfile: when, and what it listed.
type reading struct {
	during  span
	pids    []int
	starved time.Duration // how long the master's threads have waited for a CPU until now
}

// slack is how late the pidfile may be, according to DESIGN's first promise.
const slack = 50 * time.Millisecond

// Every read is complete and, within its slack, correct, while sessions come
// and go. The judge knows the sessions from the clients' clocks and the
// session lines, never from the master.
func TestPidfileIsTrueUnderChurn(t *testing.T) {
	// A start costs milliseconds, and the promise supposes a master that gets
	// the CPU: two processors can serve 700 to 900 sessions per second, and
	// are then fully used.
	rates := map[string][]int{"prefork": {1000, 500}, "pool": {1000}, "fork": {1000, 600, 300, 100, 30}}
	if runtime.NumCPU() <= 2 && !soak() {
		rates["fork"] = rates["fork"][2:]
	}
	forEachMode(t, func(t *testing.T, mode string) {
		for i, rate := range rates[mode] {
			vain, wrong, starved := churnAt(t, mode, rate)
			all := append(vain, wrong...)
			what := fmt.Sprintf("%d faults, the first ones:\n%s", len(all), strings.Join(all[:min(5, len(all))], "\n"))
			lowest := i == len(rates[mode])-1
			switch {
			case len(all) == 0:
				return
			case starved == "" || lowest && len(vain) > 0:
				t.Fatal(what)
			case lowest:
				t.Skipf("%s: %s", starved, what)
			}
			t.Logf("at %d sessions a second %s: %s", rate, starved, what)
		}
	})
}

// churnAt judges the pidfile while this many sessions per second come and go:
// vain is why the round was useless, and wrong is what was wrong in the
// pidfile. The promise supposes a master that gets the CPU, so starved says if
// other work kept it from one.
func churnAt(t *testing.T, mode string, rate int) (vain, wrong []string, starved string) {
	n := scaled(100_000, 4_000)
	p := start(t, mode, serve(t, anywhere, echo).addr())
	defer p.stop()
	p.hurry()
	if mode == "pool" {
		n /= 5 // its pidfile never changes
		await(t, "the pidfile to list the pool", serveBound, func() bool { return len(p.pids()) == 1+len(p.readySpares(runtime.NumCPU())) })
	}
	// Long enough to be promised a place, even if the master waits for a CPU.
	c := &churn{to: p.addr(), rate: rate, lasting: time.Second, rng: random(t)}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		c.run(stop)
	}()
	readings, err := p.readMany(n, c.stuck)
	close(stop)
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	first, latest := readings[0], readings[len(readings)-1]
	lasted, waited := latest.during.to.Sub(first.during.from), latest.starved-first.starved
	t.Logf("%d reads, %d sessions in %v; the master was kept from running for %v", len(readings), len(c.sessions), lasted, waited)
	if waited > lasted/10 {
		starved = fmt.Sprintf("other work kept the master from a processor for %v of %v", waited, lasted)
	}
	for _, s := range c.sessions {
		switch {
		case s.err == nil:
		case starved != "" && errors.Is(s.err, os.ErrDeadlineExceeded): // the processors are too slow for so many
			return []string{fmt.Sprintf("a client was not served in time: %v", s.err)}, nil, starved
		default:
			t.Fatalf("session of %s, begun at %s: %v", s.peer, s.atMost.from.Format("05.000"), s.err)
		}
	}
	carrier := map[string]int{}
	for _, l := range p.lines(len(c.sessions)) {
		carrier[l.peer] = l.pid
	}
	if len(readings) < n {
		vain = append(vain, fmt.Sprintf("%d sessions were live at a time", mostLive))
	} else if got := float64(len(c.sessions)) / lasted.Seconds(); got < 0.9*float64(rate) {
		vain = append(vain, fmt.Sprintf("the churn was %.0f sessions a second, not %d", got, rate))
	}
	if mode == "pool" {
		judgePool(t, p, readings)
		return vain, nil, starved
	}
	promised, wrong := judge(p.master, readings, c.sessions, carrier)
	t.Logf("%d places promised, %d faults", promised, len(wrong))
	if promised == 0 {
		vain = append(vain, "no session lasted long enough to be promised a place")
	}
	p.carriers(0)
	return vain, wrong, starved
}

// readMany reads n times, about a thousand times a second, or until enough is true.
func (p *plug) readMany(n int, enough func() bool) ([]reading, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	readings := make([]reading, 0, n)
	var starved time.Duration
	for i := range n {
		<-tick.C
		if i%10 == 0 {
			if i > 0 && enough() {
				break
			}
			starved = queued(p.master)
		}
		r := reading{during: span{from: time.Now()}, starved: starved}
		var err error
		if r.pids, err = readPidfile(p.pidfile); err != nil {
			return nil, fmt.Errorf("read %d: %w", len(readings)+1, err)
		}
		r.during.to = time.Now()
		readings = append(readings, r)
	}
	return readings, nil
}

// judge compares readings, in order of time, with the sessions. It counts the
// promised places, and reports each that was missing or wrong.
func judge(master int, readings []reading, sessions []churned, carrier map[string]int) (promised int, faults []string) {
	slices.SortFunc(sessions, func(a, b churned) int { return a.surely.from.Compare(b.surely.from) })
	carried := map[int][]span{} // by PID
	for _, s := range sessions {
		carried[carrier[s.peer]] = append(carried[carrier[s.peer]], s.atMost)
	}
	var live []churned // begun, and not ended before this read
	next := 0
	for i, r := range readings {
		fault := func(format string, args ...any) {
			faults = append(faults, r.during.from.Format("05.000000: ")+fmt.Sprintf(format, args...))
		}
		if r.pids[0] != master {
			fault("line 1 is %d, the master is %d", r.pids[0], master)
		}
		around := r.during.wider(slack + starvedAround(readings, i))
		listed := map[int]bool{}
		for _, pid := range r.pids[1:] {
			listed[pid] = true
			own := carried[pid]
			// A session that was over before this read is over for the later
			// ones.
			for len(own) > 1 && !own[0].to.After(around.from) && own[1].from.Before(around.to) {
				own = own[1:]
			}
			carried[pid] = own
			if len(own) == 0 || !own[0].overlaps(around) {
				fault("lists %d, which carried none from %v before to %v after; nearest: %v", pid, slack, slack,
					nearest(own, r.during))
			}
		}
		for ; next < len(sessions) && !sessions[next].surely.from.After(around.from); next++ {
			live = append(live, sessions[next])
		}
		live = slices.DeleteFunc(live, func(s churned) bool { return s.surely.to.Before(around.to) })
		for _, s := range live {
			promised++
			if pid := carrier[s.peer]; !listed[pid] {
				fault("lacks %d, which carries %s since %v", pid, s.peer, r.during.from.Sub(s.surely.from))
			}
		}
	}
	return promised, faults
}

// starvedAround is how long other work kept the master from running near a
// read: on a busy machine, that is not the master's own delay.
func starvedAround(readings []reading, i int) time.Duration {
	const near = 4 * slack
	from, to := i, i
	for from > 0 && readings[i].during.from.Sub(readings[from].during.to) < near {
		from--
	}
	for to < len(readings)-1 && readings[to].during.from.Sub(readings[i].during.to) < near {
		to++
	}
	return readings[to].starved - readings[from].starved
}

// nearest says how far from a read the closest session of a process was.
func nearest(spans []span, read span) string {
	best, found := time.Duration(0), "none ever"
	for _, s := range spans {
		for _, d := range []time.Duration{read.from.Sub(s.to), s.from.Sub(read.to)} {
			if d > 0 && (best == 0 || d < best) {
				best, found = d, fmt.Sprintf("%v away, held %v", d, s.to.Sub(s.from))
			}
		}
	}
	return found
}

func judgePool(t *testing.T, p *plug, readings []reading) {
	t.Helper()
	want := []int{p.master}
	for _, w := range p.workers() {
		want = append(want, w.pid)
	}
	slices.Sort(want[1:])
	for _, r := range readings {
		got := slices.Clone(r.pids)
		slices.Sort(got[1:])
		if !slices.Equal(got, want) {
			t.Fatalf("a read gave %v, master and workers are %v", r.pids, want)
		}
	}
}

// Tests of the judge: one wrong reading of each kind.
func TestJudgeFindsLies(t *testing.T) {
	t0 := time.Now()
	at := func(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }
	held := []churned{{peer: "a", surely: span{at(100), at(400)}, atMost: span{at(90), at(410)}}}
	carrier := map[string]int{"a": 7}
	for _, c := range []struct {
		ms   int
		pids []int
		true bool
	}{
		{250, []int{1, 7}, true},
		{250, []int{1}, false},
		{120, []int{1}, true},
		{449, []int{1, 7}, true},
		{470, []int{1, 7}, false},
		{30, []int{1, 7}, false},
		{250, []int{2, 7}, false},
		{600, []int{1}, true},
	} {
		sure := reading{span{at(200), at(200)}, []int{1, 7}, 0}
		readings := []reading{sure, {span{at(c.ms), at(c.ms)}, c.pids, 0}}
		if c.ms < 200 {
			slices.Reverse(readings)
		}
		promised, faults := judge(1, readings, held, carrier)
		if (len(faults) == 0) != c.true || promised == 0 {
			t.Errorf("at %d ms, %v: want true=%v: %q", c.ms, c.pids, c.true, faults)
		}
	}
}

// A file that was left at the path is replaced, whatever its content is.
func TestStalePidfile(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]string{
		"dead PID":       "4194303\n",
		"stranger's PID": fmt.Sprintf("%d\n", os.Getpid()),
		"empty":          "",
		"garbage":        "not a pid\x00\xff",
	} {
		t.Run(name, func(t *testing.T) {
			p := prepare(t, "prefork", refusing(t))
			if err := os.WriteFile(p.pidfile, []byte(left), 0o644); err != nil {
				t.Fatal(err)
			}
			p.detach()
			p.carriers(0)
			p.stop()
			if _, err := os.Stat(p.pidfile); !os.IsNotExist(err) {
				t.Errorf("after TERM the pidfile is still there: %v", err)
			}
		})
	}
}
