// Upgrade tests: clients that come and go during upgrades.

package upgrade

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// upgradeLoad is the load while a plug is upgraded: clients that start their
// next session as soon as the last one has ended, and one client that comes
// now and then.
type upgradeLoad struct {
	to   string
	stop chan struct{}
	wg   sync.WaitGroup

	mu    sync.Mutex
	begun time.Time
	took  time.Duration
	waits []time.Duration // of the closed-loop clients, from connect to the first byte
	lone  []time.Duration
	errs  []error
}

// loneEvery is the lone client's pause.
const loneEvery = 50 * time.Millisecond

// startLoad starts it, with n closed-loop clients.
func startLoad(t testing.TB, to string, n int) *upgradeLoad {
	t.Helper()
	l := &upgradeLoad{to: to, stop: make(chan struct{}), begun: time.Now()}
	for i := range n {
		rng := rand.New(rand.NewPCG(uint64(i), 0))
		l.wg.Go(func() {
			for k := 0; l.goesOn(); k++ {
				// Many addresses, since each has its own 28,000 ports in
				// TIME_WAIT.
				l.session(fmt.Sprintf("127.3.%d.%d", i, 1+k%250), int64(1+rng.IntN(3000)), rng.Uint64(), &l.waits)
			}
		})
	}
	l.wg.Go(func() {
		tick := time.NewTicker(loneEvery)
		defer tick.Stop()
		for k := 0; l.goesOn(); k++ {
			l.session("127.4.0.1", 100, uint64(k), &l.lone)
			<-tick.C
		}
	})
	t.Cleanup(func() { l.end() })
	return l
}

func (l *upgradeLoad) goesOn() bool {
	select {
	case <-l.stop:
		return false
	default:
		return true
	}
}

// session sends n bytes of a stream through an echo, and expects them back.
func (l *upgradeLoad) session(from string, n int64, seed uint64, waits *[]time.Duration) {
	began := time.Now()
	wait, err := func() (wait time.Duration, err error) {
		c, err := harness.DialFrom(from, l.to)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if err := harness.Send(c, seed, n); err != nil {
			return 0, err
		}
		check := harness.NewChecker(seed)
		if _, err := io.CopyN(check, harness.Plain{Conn: c}, 1); err != nil {
			return 0, fmt.Errorf("first byte: %w", err)
		}
		wait = time.Since(began)
		if _, err := io.Copy(check, harness.Plain{Conn: c}); err != nil {
			return wait, fmt.Errorf("after %d of %d bytes: %w", check.N, n, err)
		}
		if check.N != n {
			return wait, fmt.Errorf("%d of %d bytes came back", check.N, n)
		}
		return wait, nil
	}()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("client %s, begun %s: %w", from, began.Format("05.000"), err))
		return
	}
	*waits = append(*waits, wait)
}

// end stops all clients when their sessions have ended.
func (l *upgradeLoad) end() {
	if l.goesOn() {
		close(l.stop)
		l.wg.Wait()
		l.took = time.Since(l.begun)
	}
}

// faults are the sessions that were not whole.
func (l *upgradeLoad) faults() error { return errors.Join(l.errs[:min(5, len(l.errs))]...) }

func (l *upgradeLoad) sessions() int { return len(l.waits) + len(l.lone) + len(l.errs) }

// rate is the closed-loop clients' sessions per second.
func (l *upgradeLoad) rate() float64 { return float64(len(l.waits)) / l.took.Seconds() }

func (l *upgradeLoad) String() string {
	return fmt.Sprintf("%d failed; %.0f sessions a second, first byte after p50 %v, p99 %v, max %v; lone client: p50 %v, max %v of %d",
		len(l.errs), l.rate(), quantile(l.waits, 0.5), quantile(l.waits, 0.99), quantile(l.waits, 1),
		quantile(l.lone, 0.5), quantile(l.lone, 1), len(l.lone))
}

func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[int(q*float64(len(d)-1))].Round(100 * time.Microsecond)
}
