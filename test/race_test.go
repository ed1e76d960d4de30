// TestRace: a plug that was built with the race detector.

package test

import (
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A daemon that was built with -race, with everything at once: sessions,
// deaths, signals, a drain. The detector reports on stderr.
func TestRace(t *testing.T) {
	if os.Getenv("PLUG_RACE") != "1" {
		t.Skip("PLUG_RACE=1 says that PLUG_BIN was built with -race")
	}
	forEachMode(t, func(t *testing.T, mode string) {
		rng := random(t)
		p := start(t, mode, "-l", "-d", "-f", "-r", "1", serve(t, anywhere, echo).addr(), refusing(t))
		c := &churn{to: p.addr(), rate: 50, lasting: 150 * time.Millisecond, rng: rand.New(rand.NewPCG(rng.Uint64(), 0))}
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			c.run(stop)
		}()
		disturb := time.NewTicker(100 * time.Millisecond)
		defer disturb.Stop()
		for i := range count(300) {
			<-disturb.C
			p.signal([]syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1}[i%2])
			if workers := p.workers(); i%5 == 0 && len(workers) > 0 {
				syscall.Kill(workers[rng.IntN(len(workers))].pid, syscall.SIGKILL)
			}
		}
		close(stop)
		<-ended
		if mode == "prefork" {
			p.signal(syscall.SIGQUIT)
			if code := p.wait(10 * time.Second); code != 0 {
				t.Errorf("exit code %d", code)
			}
		}
		p.stop()
		if errs := p.errors(); strings.Contains(errs, "DATA RACE") {
			t.Errorf("%s", tail(errs[strings.Index(errs, "DATA RACE"):], 6000))
		}
	})
}
