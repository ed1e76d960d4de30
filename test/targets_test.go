// Tests of choosing targets: rotation, order, failures, retries.

package test

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// three starts targets that send their names: a, b, c.
func three(t *testing.T) (addrs []string) {
	for _, n := range []string{"a", "b", "c"} {
		addrs = append(addrs, serve(t, anywhere, greet(n)).addr())
	}
	return addrs
}

// order is which targets answer n sessions, one after another.
func order(t *testing.T, p *plug, n int) string {
	t.Helper()
	var b strings.Builder
	for range n {
		b.WriteString(greeting(t, "", p.addr()))
	}
	return b.String()
}

func TestRotation(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		addrs := three(t)
		p := start(t, mode, addrs...)
		// A session that stays makes other workers carry the next ones.
		if _, err := dial(t, p.addr()).Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if got, want := order(t, p, 11), "bcabcabcabc"; got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	})
}

func TestOrdered(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		addrs := three(t)
		down := serve(t, anywhere, greet("first"))
		p := start(t, mode, append([]string{"-o", "-r", "1", down.addr()}, addrs...)...)
		if got := order(t, p, 5); got != strings.Repeat("first", 5) {
			t.Errorf("order %s", got)
		}
		down.close()
		if got := order(t, p, 5); got != "aaaaa" {
			t.Errorf("with the first one down: order %s", got)
		}
		serve(t, down.addr(), greet("first"))
		await(t, "the first target to be taken again after -r", normalWait, func() bool {
			return greeting(t, "", p.addr()) == "first"
		})
		if got := order(t, p, 5); got != strings.Repeat("first", 5) {
			t.Errorf("with the first one back: order %s", got)
		}
	})
}

// Only when all have failed, all become good again, and then the first one is
// used, whichever worker found the failures.
func TestAllFailed(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		addrs := []string{refusing(t), refusing(t), refusing(t)}
		p := start(t, mode, addrs...)
		if got := greeting(t, "", p.addr()); got != "" {
			t.Fatalf("somebody answers: %q", got)
		}
		l := p.lines(1)[0]
		if l.target != addrs[2] || l.in != 0 || l.out != 0 {
			t.Errorf("session line %+v, want the last target tried, %s", l, addrs[2])
		}
		for i, addr := range addrs {
			serve(t, addr, greet(string("abc"[i])))
		}
		if got := order(t, p, 4); got != "abca" {
			t.Errorf("order %s, want abca", got)
		}
	})
}

// flood makes n sessions, some at a time, and counts which targets answer.
func flood(t *testing.T, p *plug, n int) map[string]int {
	t.Helper()
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	todo := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for range todo {
				name := greeting(t, "", p.addr())
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
	n := count(1000)
	for _, how := range []string{"refusing", "silent"} {
		t.Run(how, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				var bad string
				open := func() *backend { return serve(t, bad, greet("bad")) }
				if how == "refusing" {
					bad = refusing(t)
				} else {
					s := listenSilent(t)
					bad = s.addr()
					open = func() *backend { return s.open(greet("bad")) }
				}
				good := serve(t, anywhere, greet("good"))
				p := start(t, mode, "--connect-timeout", "300ms", bad, good.addr())
				if got := flood(t, p, n); got["good"] != n {
					t.Errorf("of %d sessions: %v", n, got)
				}
				back := open()
				if got := flood(t, p, n); got["good"] != n {
					t.Errorf("of %d sessions: %v", n, got)
				}
				if tries := back.accepted.Load(); tries != 0 {
					t.Errorf("%d connections to a target known as failed", tries)
				}
				p.lines(2 * n)
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		bad := refusing(t)
		p := start(t, mode, "-r", "3", bad, serve(t, anywhere, greet("good")).addr())
		known := time.Now()
		if got := greeting(t, "", p.addr()); got != "good" {
			t.Fatalf("the first client gets %q", got)
		}
		failed := time.Now()
		back := serve(t, bad, greet("back"))
		for time.Since(known) < 2500*time.Millisecond {
			if got := greeting(t, "", p.addr()); got != "good" {
				t.Fatalf("%v after the failure %q answers", time.Since(known), got)
			}
			passed(20 * time.Millisecond)
		}
		if n := back.accepted.Load(); n != 0 {
			t.Fatalf("%d connections before -r", n)
		}
		await(t, "the target to be tried again", normalWait-time.Since(failed), func() bool {
			return greeting(t, "", p.addr()) == "back"
		})
	})
}

// A failed write to a client that has closed does not mark the target failed.
func TestHangingUpFailsNoTarget(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		k := serveTaker(t)
		p := start(t, mode, "-l", k.addr(), serve(t, anywhere, greet("other")).addr())
		client, target := k.session(t, p)
		reset(client)
		p.lines(1)
		target.Close()
		if got := greeting(t, "", p.addr()); got != "other" {
			t.Fatalf("second session: %q", got)
		}
		// The rotation must reach the first one again.
		k.session(t, p)
	})
}
