// Tests of choosing targets: rotation, order, failures, retries.

package test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

func TestRotation(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		addrs := harness.ThreeTargets(t)
		p := harness.Start(t, mode, addrs...)
		// A session that stays makes other workers carry the next ones.
		if _, err := harness.Dial(t, p.Addr()).Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if got, want := harness.TargetOrder(t, p, 11), "bcabcabcabc"; got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	})
}

func TestOrdered(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		addrs := harness.ThreeTargets(t)
		down := harness.Serve(t, harness.Anywhere, harness.Greet("first"))
		p := harness.Start(t, mode, append([]string{"-o", "-r", "1", down.Addr()}, addrs...)...)
		if got := harness.TargetOrder(t, p, 5); got != strings.Repeat("first", 5) {
			t.Errorf("order %s", got)
		}
		down.Close()
		if got := harness.TargetOrder(t, p, 5); got != "aaaaa" {
			t.Errorf("with the first one down: order %s", got)
		}
		harness.Serve(t, down.Addr(), harness.Greet("first"))
		harness.Await(t, "the first target to be taken again after -r", harness.NormalWait, func() bool {
			return harness.Greeting(t, "", p.Addr()) == "first"
		})
		if got := harness.TargetOrder(t, p, 5); got != strings.Repeat("first", 5) {
			t.Errorf("with the first one back: order %s", got)
		}
	})
}

// Only when all have failed, all become good again, and then the first one is
// used, whichever worker found the failures.
func TestAllFailed(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		addrs := []string{harness.Refusing(t), harness.Refusing(t), harness.Refusing(t)}
		p := harness.Start(t, mode, addrs...)
		if got := harness.Greeting(t, "", p.Addr()); got != "" {
			t.Fatalf("somebody answers: %q", got)
		}
		l := p.Lines(1)[0]
		if l.Target != addrs[2] || l.In != 0 || l.Out != 0 {
			t.Errorf("session line %+v, want the last target tried, %s", l, addrs[2])
		}
		for i, addr := range addrs {
			harness.Serve(t, addr, harness.Greet(string("abc"[i])))
		}
		if got := harness.TargetOrder(t, p, 4); got != "abca" {
			t.Errorf("order %s, want abca", got)
		}
	})
}

// flood makes n sessions, some at a time, and counts which targets answer.
func flood(t *testing.T, p *harness.Plug, n int) map[string]int {
	t.Helper()
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	todo := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for range todo {
				name := harness.Greeting(t, "", p.Addr())
				mu.Lock()
				got[name]++
				mu.Unlock()
			}
		})
	}
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	wg.Wait()
	return got
}

// One of two targets is down: no client notices, and once it is known, the
// target is not tried again before -r, or without -r never.
func TestOneTargetDown(t *testing.T) {
	t.Parallel()
	n := harness.Count(1000)
	for _, how := range []string{"refusing", "silent"} {
		t.Run(how, func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				var bad string
				open := func() *harness.Backend { return harness.Serve(t, bad, harness.Greet("bad")) }
				if how == "refusing" {
					bad = harness.Refusing(t)
				} else {
					s := harness.ListenSilent(t)
					bad = s.Addr()
					open = func() *harness.Backend { return s.Open(harness.Greet("bad")) }
				}
				good := harness.Serve(t, harness.Anywhere, harness.Greet("good"))
				p := harness.Start(t, mode, "--connect-timeout", "300ms", bad, good.Addr())
				if got := flood(t, p, n); got["good"] != n {
					t.Errorf("of %d sessions: %v", n, got)
				}
				back := open()
				if got := flood(t, p, n); got["good"] != n {
					t.Errorf("of %d sessions: %v", n, got)
				}
				if tries := back.Accepted.Load(); tries != 0 {
					t.Errorf("%d connections to a target known as failed", tries)
				}
				p.Lines(2 * n)
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		bad := harness.Refusing(t)
		p := harness.Start(t, mode, "-r", "3", bad, harness.Serve(t, harness.Anywhere, harness.Greet("good")).Addr())
		known := time.Now()
		if got := harness.Greeting(t, "", p.Addr()); got != "good" {
			t.Fatalf("the first client gets %q", got)
		}
		failed := time.Now()
		back := harness.Serve(t, bad, harness.Greet("back"))
		for time.Since(known) < 2500*time.Millisecond {
			if got := harness.Greeting(t, "", p.Addr()); got != "good" {
				t.Fatalf("%v after the failure %q answers", time.Since(known), got)
			}
			harness.Passed(20 * time.Millisecond)
		}
		if n := back.Accepted.Load(); n != 0 {
			t.Fatalf("%d connections before -r", n)
		}
		harness.Await(t, "the target to be tried again", harness.NormalWait-time.Since(failed), func() bool {
			return harness.Greeting(t, "", p.Addr()) == "back"
		})
	})
}

// A failed write to a client that has closed does not mark the target failed.
func TestHangingUpFailsNoTarget(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		k := harness.ServeTaker(t)
		p := harness.Start(t, mode, "-l", k.Addr(), harness.Serve(t, harness.Anywhere, harness.Greet("other")).Addr())
		client, target := k.Session(t, p)
		harness.Reset(client)
		p.Lines(1)
		target.Close()
		if got := harness.Greeting(t, "", p.Addr()); got != "other" {
			t.Fatalf("second session: %q", got)
		}
		// The rotation must reach the first one again.
		k.Session(t, p)
	})
}
