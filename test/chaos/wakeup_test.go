// TestWakeups: no client is lost when a spare is killed as the client arrives.

package chaos

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

const (
	aimedWithin  = 200 * time.Microsecond // distance from an arrival
	longestWait  = 250 * time.Millisecond // of a client, while there are spares
	wakeupSpares = 3
)

// A spare that is killed or stopped as a client arrives may take the client's
// wake-up with it. There is only one client at a time, so that no other
// client's arrival hides it: only the master's checks of the queue help.
func TestWakeups(t *testing.T) {
	n := harness.Count(3000) / len(harness.Modes)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		rng := harness.Random(t)
		p := harness.Start(t, mode, append(harness.SparesArgs(mode, wakeupSpares), harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
			c.Write([]byte{'.'})
			harness.Sink(c)
		}).Addr())...)
		p.Hurry()
		var w wakeups
		for range n {
			aim(p, &w, rng)
		}
		t.Logf("%v", &w)
		if w.aimed < n/2 {
			t.Errorf("only %d of %d blows fell within %v of an arrival", w.aimed, n, aimedWithin)
		}
		if len(w.waits) < n/2 {
			t.Errorf("only %d of %d clients tell anything", len(w.waits), n)
		}
		for _, q := range p.Procs() {
			if harness.IsStopped(q.PID) {
				t.Errorf("still stopped: %v", q)
			}
		}
	})
}

// wakeups are the results of the rounds.
type wakeups struct {
	waits  []time.Duration // until the clients got their target's first byte
	aimed  int
	died   int // clients whose own worker was killed
	frozen int // clients whose own worker was stopped
	kills  int
	stops  int
	last   int // the worker that served the last client, and perhaps also serves the next one
}

func (w *wakeups) String() string {
	slices.Sort(w.waits)
	at := func(q float64) time.Duration {
		if len(w.waits) == 0 {
			return 0
		}
		return w.waits[int(q*float64(len(w.waits)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d kills and %d stops, %d within %v of an arrival; %d clients died with their worker, %d were stopped with it; "+
		"%d waited p50 %v, p90 %v, p99 %v, max %v",
		w.kills, w.stops, w.aimed, aimedWithin, w.died, w.frozen, len(w.waits), at(0.5), at(0.9), at(0.99), at(1))
}

// pick chooses the spare to strike, often the one that served last, and the signal.
func (w *wakeups) pick(spares []harness.Process, rng *rand.Rand) (victim harness.Process, sig syscall.Signal) {
	victim = spares[rng.IntN(len(spares))]
	for _, s := range spares {
		if s.PID == w.last && rng.IntN(2) == 0 {
			victim = s
		}
	}
	if rng.IntN(3) == 0 {
		w.stops++
		return victim, syscall.SIGSTOP
	}
	w.kills++
	return victim, syscall.SIGKILL
}

// aim is one round: a spare is struck, a client arrives, and another worker
// serves it unless the struck one had accepted it already.
func aim(p *harness.Plug, w *wakeups, rng *rand.Rand) {
	p.T.Helper()
	var spares []harness.Process
	harness.Await(p.T, "spares to strike", 20*time.Second, func() bool {
		spares = waiting(p)
		return len(spares) >= wakeupSpares
	})
	victim, sig := w.pick(spares, rng)
	stalled := stalls()
	c := newLoneClient(p)
	defer c.close()
	moment := time.Now().Add(500 * time.Microsecond)
	off := c.arrive(moment, func() {
		awake(moment.Add(time.Duration(rng.Int64N(int64(2*aimedWithin))) - aimedWithin))
	}, victim.PID, sig)
	if off.Abs() <= aimedWithin {
		w.aimed++
	}
	wait, err := c.greeted(longestWait)
	switch {
	case err == nil:
		w.waits = append(w.waits, wait)
	case sig == syscall.SIGKILL && err != errSilence:
		// The connection has ended: so a worker had accepted it.
		w.died++
		harness.Await(p.T, "the killed worker's end", harness.NormalWait, func() bool { return !harness.IsOf(victim.PID, p.Bin) })
	case sig == syscall.SIGSTOP && err == errSilence && harness.IsStopped(victim.PID) && c.isWith(victim.PID):
		w.frozen++
	default:
		if wait, err = c.greeted(5 * time.Second); err == nil {
			w.waits = append(w.waits, wait)
		}
		// If the machine makes the test itself wait, it makes everything wait.
		if stall := stalled(); err != nil || wait > longestWait+8*stall {
			p.T.Errorf("%v to spare %d, %v from the arrival: the client waited %v, then %v; the test was stalled for %v at most", sig, victim.PID, off, wait, err, stall)
		}
	}
	stalled()
	if sig == syscall.SIGSTOP {
		// Either end of a stop: continued, or killed.
		next := []syscall.Signal{syscall.SIGCONT, syscall.SIGKILL}[rng.IntN(2)]
		syscall.Kill(victim.PID, next)
		if err == errSilence {
			if _, err := c.greeted(5 * time.Second); err == errSilence {
				p.T.Errorf("after %v to its worker the client waits still", next)
			}
		}
	}
	c.close()
	harness.Await(p.T, "the session's end", harness.NormalWait, func() bool {
		pids, err := harness.ReadPidfile(p.Pidfile)
		return err == nil && (p.Mode == "pool" || len(pids) == 1)
	})
	w.last = lastCarrier(p)
}

// waiting are the workers that wait for a client.
func waiting(p *harness.Plug) []harness.Process {
	return slices.DeleteFunc(p.Workers(), func(w harness.Process) bool {
		return w.Title != fmt.Sprintf("plug: %d spare", p.Port) && w.Title != fmt.Sprintf("plug: %d pool (0 sessions)", p.Port)
	})
}

// stalls measures how late the machine wakes the test; the returned function
// returns the maximum.
func stalls() func() time.Duration {
	const nap = 2 * time.Millisecond
	over, longest := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		worst := time.Duration(0)
		for {
			began := time.Now()
			select {
			case <-over:
				longest <- worst
				return
			case <-time.After(nap):
				worst = max(worst, time.Since(began)-nap)
			}
		}
	}()
	return sync.OnceValue(func() time.Duration {
		close(over)
		return <-longest
	})
}

// lastCarrier is the PID in the last session line.
func lastCarrier(p *harness.Plug) int {
	f, err := os.Open(p.Sessions)
	if err != nil {
		return 0
	}
	defer f.Close()
	end, _ := f.Seek(0, 2)
	tail := make([]byte, min(end, 200))
	f.ReadAt(tail, end-int64(len(tail)))
	lines := strings.Split(strings.TrimSuffix(string(tail), "\n"), "\n")
	l, _ := harness.ParseSessionLine(lines[len(lines)-1])
	return l.PID
}
