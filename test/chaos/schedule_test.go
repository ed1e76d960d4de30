// TestChaos's schedule: which signal strikes which kind of process, and when.

package chaos

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"
)

// role is the kind of process that a blow strikes.
type role uint8

const (
	aWorker  role = iota // any worker, ready or not, orphaned or not
	aCarrier             // a worker that the pidfile lists
	theMaster
	theShepherd
)

func (r role) String() string { return [...]string{"worker", "carrier", "master", "shepherd"}[r] }

// act is an entry of the schedule.
type act struct {
	wait   time.Duration
	signal syscall.Signal // KILL, TERM or STOP
	role   role
	pick   float64       // which of the candidates
	held   time.Duration // STOP: for how long
	finish bool          // STOP: then KILL instead of CONT
}

// schedule depends only on the seed, so that the seed repeats it: blows come
// singly and in bursts, at a mean distance.
func schedule(rng *rand.Rand, kills, stops int, mean time.Duration) []act {
	var acts []act
	for i := range kills + stops {
		a := act{wait: time.Duration(rng.ExpFloat64() * float64(mean) / 0.85), pick: rng.Float64(), signal: syscall.SIGKILL}
		if rng.IntN(100) < 15 {
			a.wait = 0
		}
		a.wait = min(a.wait, 6*mean)
		master, shepherd := 10, 4 // per thousand
		if i >= kills {
			a.signal, master, shepherd = syscall.SIGSTOP, 150, 50
			a.held = time.Duration(5+rng.IntN(500)) * time.Millisecond
			a.finish = rng.IntN(4) == 0
		} else if rng.IntN(3) == 0 {
			a.signal = syscall.SIGTERM
		}
		switch n := rng.IntN(1000); {
		case n < shepherd:
			a.role = theShepherd
		case n < shepherd+master:
			a.role = theMaster
		case n < 650:
			a.role = aCarrier
		}
		a.finish = a.finish && a.role <= aCarrier
		acts = append(acts, a)
	}
	rng.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	return acts
}

// The same seed gives the same schedule, with everything that was requested.
func TestChaosSchedule(t *testing.T) {
	draw := func(seed uint64) []act {
		return schedule(rand.New(rand.NewPCG(seed, 1)), 1000, 200, time.Millisecond)
	}
	one := draw(7)
	if !slices.Equal(one, draw(7)) || slices.Equal(one, draw(8)) {
		t.Error("the seed does not decide")
	}
	got := map[string]int{}
	for _, a := range one {
		got[a.signal.String()]++
		got[a.role.String()]++
	}
	if got["killed"]+got["terminated"] != 1000 || got[stopSignal.String()] != 200 {
		t.Errorf("not 1000 kills and 200 stops: %v", got)
	}
	for _, r := range []role{aWorker, aCarrier, theMaster, theShepherd} {
		if got[r.String()] == 0 {
			t.Errorf("no blow is for a %v", r)
		}
	}
}
