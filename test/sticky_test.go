// Tests of affinity (-f, -t).

package test

import (
	"fmt"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Clients keep their targets while others come and go.
func TestSticky(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		addrs := harness.ThreeTargets(t)
		p := harness.Start(t, mode, append([]string{"-f"}, addrs...)...)
		first := map[string]string{}
		for i := range 9 {
			client := fmt.Sprintf("127.0.1.%d", 1+i)
			first[client] = harness.Greeting(t, client, p.Addr())
			if want := string("abc"[i%3]); first[client] != want {
				t.Errorf("new client %d gets %s, not %s", i+1, first[client], want)
			}
		}
		rng := harness.Random(t)
		for range 50 {
			client := fmt.Sprintf("127.0.1.%d", 1+rng.IntN(9))
			if got := harness.Greeting(t, client, p.Addr()); got != first[client] {
				t.Errorf("%s gets %s, was with %s", client, got, first[client])
			}
		}
	})
}

// -t counts from the last attempt: a client that keeps coming back in time
// keeps the target indefinitely; one that stays away loses it.
func TestStickyTimeout(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		addrs := harness.ThreeTargets(t)
		p := harness.Start(t, mode, append([]string{"-f", "-t", "3"}, addrs...)...)
		const client = "127.0.1.1"
		expect := func(want string) {
			t.Helper()
			if got := harness.Greeting(t, client, p.Addr()); got != want {
				t.Fatalf("%s gets %s, want %s", client, got, want)
			}
		}
		expect("a")
		for range 4 {
			harness.Passed(1500 * time.Millisecond)
			expect("a")
		}
		if got := harness.Greeting(t, "127.0.1.2", p.Addr()); got != "b" {
			t.Fatalf("the next new client gets %s, not b", got)
		}
		harness.Passed(4500 * time.Millisecond)
		expect("c")
		expect("c")
	})
}

// If a sticky client's target fails, another one is used and remembered, even
// when the old one is good again.
func TestStickyTargetFails(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		a := harness.Serve(t, harness.Anywhere, harness.Greet("a"))
		b := harness.Serve(t, harness.Anywhere, harness.Greet("b"))
		p := harness.Start(t, mode, "-f", "-r", "1", a.Addr(), b.Addr())
		const client = "127.0.1.1"
		if got := harness.Greeting(t, client, p.Addr()); got != "a" {
			t.Fatalf("new client gets %s", got)
		}
		a.Close()
		if got := harness.Greeting(t, client, p.Addr()); got != "b" {
			t.Fatalf("with its target down it gets %q", got)
		}
		harness.Serve(t, a.Addr(), harness.Greet("a"))
		others := 0
		harness.Await(t, "the failed target to be good again for new clients", harness.NormalWait, func() bool {
			others++
			return harness.Greeting(t, fmt.Sprintf("127.0.2.%d", others), p.Addr()) == "a"
		})
		for range 4 {
			if got := harness.Greeting(t, client, p.Addr()); got != "b" {
				t.Errorf("it gets %s, was with b", got)
			}
		}
	})
}
