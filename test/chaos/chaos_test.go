// TestChaos: random signals to every process of a plug under load.

package chaos

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

const stopSignal = syscall.SIGSTOP

// heldByPID matches the message of a start that finds the port in use.
var heldByPID = regexp.MustCompile(`held by PID \d+`)

// TestChaos kills, stops and continues workers, master and shepherd at random
// moments under a mixed load, and then compares what clients, targets, /proc,
// pidfile and session file report. PLUG_SEED repeats the schedule; which
// process a blow hits depends on the processes at that time.
func TestChaos(t *testing.T) {
	for _, c := range []struct {
		mode         string
		kills, stops int
		rate, most   int // sessions begun per second, and at a time
		args         []string
	}{
		{"fork", 4000, 800, 60, 60, nil},
		{"prefork", 4500, 900, 120, 80, nil},
		{"pool", 1500, 300, 120, 120, []string{"--workers", "12"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			chaos(t, c.mode, harness.Scaled(c.kills, c.kills/30), harness.Scaled(c.stops, c.stops/30), c.rate, c.most, c.args)
		})
	}
}

func chaos(t *testing.T, mode string, kills, stops, rate, most int, args []string) {
	rng := harness.Random(t)
	acts := schedule(rand.New(rand.NewPCG(rng.Uint64(), 1)), kills, stops, 22*time.Millisecond)
	load := &chaosLoad{rate: rate, most: most, rng: rand.New(rand.NewPCG(rng.Uint64(), 2))}
	mute := harness.ListenSilent(t)
	d := newDriver(t, mode, append(args, "-l", "-r", "1", "--connect-timeout", "300ms", mute.Addr(), harness.Refusing(t))...)
	for range 3 {
		d.Args = append(d.Args, load.serveTarget(d.Plug))
	}
	load.to = d.Addr()
	d.probe = func() {
		// Port and pidfile exist before the first worker is ready; and a start
		// whose first worker is killed fails.
		harness.Await(t, "a client to be served", harness.ServeBound, func() bool {
			s := load.begin(plan{name: "probe", order: together, up: half{n: 10, pieces: 1}, down: half{n: 10, pieces: 1}})
			<-s.over
			return s.err == nil
		})
	}
	d.restart()

	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		load.run(stop)
	}()
	stopped := false
	finishLoad := func() {
		if !stopped {
			stopped = true
			close(stop)
			<-ended
		}
	}
	defer finishLoad()
	began := time.Now()
	for _, a := range acts {
		harness.Passed(a.wait)
		d.strike(a)
	}
	struck := time.Since(began)
	d.held.Wait()
	finishLoad()
	d.alive()
	for _, b := range load.targets {
		harness.Await(t, "the targets' ends of all sessions", patience, func() bool { return b.Held() == 0 })
	}
	d.undisturbed(mode)
	for range 20 { // clients are served
		load.begin(plan{name: "afterwards", order: together, up: half{n: 100, pieces: 1}, down: half{n: 100, pieces: 1}})
	}
	load.wg.Wait()
	d.undisturbed(mode)
	d.Stop()

	judgeChaos(t, d, load, len(acts), kills, struck)
}

// judgeChaos compares what clients, targets, the session file and the driver know.
func judgeChaos(t *testing.T, d *driver, load *chaosLoad, acts, kills int, struck time.Duration) {
	t.Helper()
	r := &trial{single: d.Mode != "pool", sessions: load.sessions, targets: map[string][2]int64{}, blows: d.blows, ended: d.ended, outages: d.outages}
	for _, b := range load.targets {
		r.targets[b.Addr()] = [2]int64{b.Accepted.Load(), b.nameless.Load()}
	}
	var err error
	if r.lines, r.torn, err = readTorn(d.Sessions); err != nil {
		t.Error(err)
	}
	v := r.judge()
	var without time.Duration
	for _, o := range d.outages {
		without += o.To.Sub(o.From)
	}
	t.Logf("%v in %v, %v without a master; %d sessions, %d lines, %d torn; %v", d.count, struck.Round(time.Millisecond), without.Round(time.Millisecond), len(r.sessions), len(r.lines), r.torn, v)
	for _, f := range v.faults[:min(len(v.faults), 10)] {
		t.Error(f)
	}
	if n := len(v.faults); n > 10 {
		t.Errorf("and %d faults more", n-10)
	}
	// In fork mode, few more sessions stay whole than there are acts: many
	// blows hit a session.
	if v.whole < acts*3/4 || v.broken < kills/10 {
		t.Errorf("%d sessions whole and %d broken: too few to tell anything", v.whole, v.broken)
	}
	for _, word := range []string{"panic:", "fatal error:", "SIGSEGV", "SIGBUS"} {
		if said := d.Errors(); strings.Contains(said, word) {
			t.Errorf("stderr: %s", harness.Tail(said[strings.Index(said, word):], 3000))
		}
	}
}
