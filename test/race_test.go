// TestRace: a plug that was built with the race detector.

package test

import (
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A daemon that was built with -race, with everything at once: sessions,
// deaths, signals, a drain. The detector reports on stderr.
func TestRace(t *testing.T) {
	if os.Getenv("PLUG_RACE") != "1" {
		t.Skip("PLUG_RACE=1 says that PLUG_BIN was built with -race")
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		rng := harness.Random(t)
		p := harness.Start(t, mode, "-l", "-d", "-f", "-r", "1", harness.Serve(t, harness.Anywhere, harness.Echo).Addr(), harness.Refusing(t))
		c := &harness.Churn{To: p.Addr(), Rate: 50, Lasting: 150 * time.Millisecond, Random: rand.New(rand.NewPCG(rng.Uint64(), 0))}
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			c.Run(stop)
		}()
		disturb := time.NewTicker(100 * time.Millisecond)
		defer disturb.Stop()
		for i := range harness.Count(300) {
			<-disturb.C
			p.Signal([]syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1}[i%2])
			if workers := p.Workers(); i%5 == 0 && len(workers) > 0 {
				syscall.Kill(workers[rng.IntN(len(workers))].PID, syscall.SIGKILL)
			}
		}
		close(stop)
		<-ended
		if mode == "prefork" {
			p.Signal(syscall.SIGQUIT)
			if code := p.Wait(10 * time.Second); code != 0 {
				t.Errorf("exit code %d", code)
			}
		}
		p.Stop()
		if errs := p.Errors(); strings.Contains(errs, "DATA RACE") {
			t.Errorf("%s", harness.Tail(errs[strings.Index(errs, "DATA RACE"):], 6000))
		}
	})
}
