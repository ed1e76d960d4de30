package worker

import (
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// until waits for a condition that must come true.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	if !happens(so) {
		t.Fatalf("waited in vain until %s", what)
	}
}

// happens waits for a condition, and tells whether it came true.
func happens(so func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
