// Tests of affinity (-f, -t).

package test

import (
	"fmt"
	"testing"
	"time"
)

// Clients keep their targets while others come and go.
func TestSticky(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		addrs := three(t)
		p := start(t, mode, append([]string{"-f"}, addrs...)...)
		first := map[string]string{}
		for i := range 9 {
			client := fmt.Sprintf("127.0.1.%d", 1+i)
			first[client] = greeting(t, client, p.addr())
			if want := string("abc"[i%3]); first[client] != want {
				t.Errorf("new client %d gets %s, not %s", i+1, first[client], want)
			}
		}
		rng := random(t)
		for range 50 {
			client := fmt.Sprintf("127.0.1.%d", 1+rng.IntN(9))
			if got := greeting(t, client, p.addr()); got != first[client] {
				t.Errorf("%s gets %s, was with %s", client, got, first[client])
			}
		}
	})
}

// -t counts from the last attempt: a client that keeps coming back in time
// keeps the target indefinitely; one that stays away loses it.
func TestStickyTimeout(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		addrs := three(t)
		p := start(t, mode, append([]string{"-f", "-t", "3"}, addrs...)...)
		const client = "127.0.1.1"
		expect := func(want string) {
			t.Helper()
			if got := greeting(t, client, p.addr()); got != want {
				t.Fatalf("%s gets %s, want %s", client, got, want)
			}
		}
		expect("a")
		for range 4 {
			passed(1500 * time.Millisecond)
			expect("a")
		}
		if got := greeting(t, "127.0.1.2", p.addr()); got != "b" {
			t.Fatalf("the next new client gets %s, not b", got)
		}
		passed(4500 * time.Millisecond)
		expect("c")
		expect("c")
	})
}

// If a sticky client's target fails, another one is used and remembered, even
// when the old one is good again.
func TestStickyTargetFails(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		a := serve(t, anywhere, greet("a"))
		b := serve(t, anywhere, greet("b"))
		p := start(t, mode, "-f", "-r", "1", a.addr(), b.addr())
		const client = "127.0.1.1"
		if got := greeting(t, client, p.addr()); got != "a" {
			t.Fatalf("new client gets %s", got)
		}
		a.close()
		if got := greeting(t, client, p.addr()); got != "b" {
			t.Fatalf("with its target down it gets %q", got)
		}
		serve(t, a.addr(), greet("a"))
		others := 0
		await(t, "the failed target to be good again for new clients", normalWait, func() bool {
			others++
			return greeting(t, fmt.Sprintf("127.0.2.%d", others), p.addr()) == "a"
		})
		for range 4 {
			if got := greeting(t, client, p.addr()); got != "b" {
				t.Errorf("it gets %s, was with b", got)
			}
		}
	})
}
