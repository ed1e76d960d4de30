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

	"daemon/plug/test/harness"
)

// reading is one read of the pidfile: when, and what it listed.
type reading struct {
	during  harness.Span
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
	if runtime.NumCPU() <= 2 && !harness.Soak() {
		rates["fork"] = rates["fork"][2:]
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
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
	n := harness.Scaled(100_000, 4_000)
	p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	defer p.Stop()
	p.Hurry()
	if mode == "pool" {
		n /= 5 // its pidfile never changes
		harness.Await(t, "the pidfile to list the pool", harness.ServeBound, func() bool { return len(p.PIDs()) == 1+len(p.ReadySpares(runtime.NumCPU())) })
	}
	// Long enough to be promised a place, even if the master waits for a CPU.
	c := &harness.Churn{To: p.Addr(), Rate: rate, Lasting: time.Second, Random: harness.Random(t)}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(stop)
	}()
	readings, err := readMany(p, n, c.Stuck)
	close(stop)
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	first, latest := readings[0], readings[len(readings)-1]
	lasted, waited := latest.during.To.Sub(first.during.From), latest.starved-first.starved
	t.Logf("%d reads, %d sessions in %v; the master was kept from running for %v", len(readings), len(c.Sessions), lasted, waited)
	if waited > lasted/10 {
		starved = fmt.Sprintf("other work kept the master from a processor for %v of %v", waited, lasted)
	}
	for _, s := range c.Sessions {
		switch {
		case s.Err == nil:
		case starved != "" && errors.Is(s.Err, os.ErrDeadlineExceeded): // the processors are too slow for so many
			return []string{fmt.Sprintf("a client was not served in time: %v", s.Err)}, nil, starved
		default:
			t.Fatalf("session of %s, begun at %s: %v", s.Peer, s.AtMost.From.Format("05.000"), s.Err)
		}
	}
	carrier := map[string]int{}
	for _, l := range p.Lines(len(c.Sessions)) {
		carrier[l.Peer] = l.PID
	}
	if len(readings) < n {
		vain = append(vain, fmt.Sprintf("%d sessions were live at a time", harness.MostLive))
	} else if got := float64(len(c.Sessions)) / lasted.Seconds(); got < 0.9*float64(rate) {
		vain = append(vain, fmt.Sprintf("the churn was %.0f sessions a second, not %d", got, rate))
	}
	if mode == "pool" {
		judgePool(t, p, readings)
		return vain, nil, starved
	}
	promised, wrong := judge(p.Master, readings, c.Sessions, carrier)
	t.Logf("%d places promised, %d faults", promised, len(wrong))
	if promised == 0 {
		vain = append(vain, "no session lasted long enough to be promised a place")
	}
	p.Carriers(0)
	return vain, wrong, starved
}

// readMany reads n times, about a thousand times a second, or until enough is true.
func readMany(p *harness.Plug, n int, enough func() bool) ([]reading, error) {
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
			starved = harness.Queued(p.Master)
		}
		r := reading{during: harness.Span{From: time.Now()}, starved: starved}
		var err error
		if r.pids, err = harness.ReadPidfile(p.Pidfile); err != nil {
			return nil, fmt.Errorf("read %d: %w", len(readings)+1, err)
		}
		r.during.To = time.Now()
		readings = append(readings, r)
	}
	return readings, nil
}

// judge compares readings, in order of time, with the sessions. It counts the
// promised places, and reports each that was missing or wrong.
func judge(master int, readings []reading, sessions []harness.Churned, carrier map[string]int) (promised int, faults []string) {
	slices.SortFunc(sessions, func(a, b harness.Churned) int { return a.Surely.From.Compare(b.Surely.From) })
	carried := map[int][]harness.Span{} // by PID
	for _, s := range sessions {
		carried[carrier[s.Peer]] = append(carried[carrier[s.Peer]], s.AtMost)
	}
	var live []harness.Churned // begun, and not ended before this read
	next := 0
	for i, r := range readings {
		fault := func(format string, args ...any) {
			faults = append(faults, r.during.From.Format("05.000000: ")+fmt.Sprintf(format, args...))
		}
		if r.pids[0] != master {
			fault("line 1 is %d, the master is %d", r.pids[0], master)
		}
		around := r.during.Wider(slack + starvedAround(readings, i))
		listed := map[int]bool{}
		for _, pid := range r.pids[1:] {
			listed[pid] = true
			own := carried[pid]
			// A session that was over before this read is over for the later
			// ones.
			for len(own) > 1 && !own[0].To.After(around.From) && own[1].From.Before(around.To) {
				own = own[1:]
			}
			carried[pid] = own
			if len(own) == 0 || !own[0].Overlaps(around) {
				fault("lists %d, which carried none from %v before to %v after; nearest: %v", pid, slack, slack,
					nearest(own, r.during))
			}
		}
		for ; next < len(sessions) && !sessions[next].Surely.From.After(around.From); next++ {
			live = append(live, sessions[next])
		}
		live = slices.DeleteFunc(live, func(s harness.Churned) bool { return s.Surely.To.Before(around.To) })
		for _, s := range live {
			promised++
			if pid := carrier[s.Peer]; !listed[pid] {
				fault("lacks %d, which carries %s since %v", pid, s.Peer, r.during.From.Sub(s.Surely.From))
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
	for from > 0 && readings[i].during.From.Sub(readings[from].during.To) < near {
		from--
	}
	for to < len(readings)-1 && readings[to].during.From.Sub(readings[i].during.To) < near {
		to++
	}
	return readings[to].starved - readings[from].starved
}

// nearest says how far from a read the closest session of a process was.
func nearest(spans []harness.Span, read harness.Span) string {
	best, found := time.Duration(0), "none ever"
	for _, s := range spans {
		for _, d := range []time.Duration{read.From.Sub(s.To), s.From.Sub(read.To)} {
			if d > 0 && (best == 0 || d < best) {
				best, found = d, fmt.Sprintf("%v away, held %v", d, s.To.Sub(s.From))
			}
		}
	}
	return found
}

func judgePool(t *testing.T, p *harness.Plug, readings []reading) {
	t.Helper()
	want := []int{p.Master}
	for _, w := range p.Workers() {
		want = append(want, w.PID)
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
	held := []harness.Churned{{Peer: "a", Surely: harness.Span{From: at(100), To: at(400)}, AtMost: harness.Span{From: at(90), To: at(410)}}}
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
		sure := reading{harness.Span{From: at(200), To: at(200)}, []int{1, 7}, 0}
		readings := []reading{sure, {harness.Span{From: at(c.ms), To: at(c.ms)}, c.pids, 0}}
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
			p := harness.Prepare(t, "prefork", harness.Refusing(t))
			if err := os.WriteFile(p.Pidfile, []byte(left), 0o644); err != nil {
				t.Fatal(err)
			}
			p.Detach()
			p.Carriers(0)
			p.Stop()
			if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) {
				t.Errorf("after TERM the pidfile is still there: %v", err)
			}
		})
	}
}
