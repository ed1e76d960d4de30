// Package await has the waiting functions for tests: they wait for a
// condition, with a time limit, and never just for a time.
package await

import (
	"testing"
	"time"
)

// Patience is how long a test waits for an event that must happen.
const Patience = 10 * time.Second

// Until waits for a condition that must come true.
func Until(t testing.TB, what string, so func() bool) {
	t.Helper()
	if !Happens(Patience, so) {
		t.Fatalf("timed out waiting until %s", what)
	}
}

// Happens waits for a condition, and reports whether it came true within the
// bound.
func Happens(bound time.Duration, so func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(bound); !so(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
