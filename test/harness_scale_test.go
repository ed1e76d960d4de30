// Harness: modes, random numbers, waiting, and the scale of a run.

package test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// count scales a number in the issue: whole in a soak, otherwise a tenth.
func count(n int) int {
	if soak() {
		return n
	}
	return max(1, n/10)
}

func soak() bool { return os.Getenv("PLUG_SOAK") == "1" }

// modes are the values of --mode; see forEachMode.
var modes = []string{"fork", "prefork", "pool"}

// forEachMode runs f as a subtest in every mode, or only in the named ones.
func forEachMode(t *testing.T, f func(t *testing.T, mode string), only ...string) {
	t.Helper()
	if only == nil {
		only = modes
	}
	for _, mode := range only {
		t.Run(mode, func(t *testing.T) { f(t, mode) })
	}
}

// random returns a source for the test's choices; its seed is in the log.
func random(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(seedOf(t), 0))
}

// seedOf returns the seed of a test's random choices; it is in the log.
func seedOf(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("PLUG_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("PLUG_SEED=%s: %v", s, err)
		}
		seed = n
	}
	t.Logf("PLUG_SEED=%d", seed)
	return seed
}

// program is the path of a peer program; if it is missing, the test is
// skipped, or fails under CI=true, where every peer is installed.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: %v", name, err)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// How long a test waits for a condition before it fails, unless a promise of the
// plug's own sets the limit.
const (
	shortWait  = 2 * time.Second  // for what happens at once
	normalWait = 5 * time.Second  // for what takes a process or a timer of a second
	longWait   = 10 * time.Second // for what many processes have to do
)

// await polls until cond holds; if it does not within bound, the test fails
// and names what.
func await(t testing.TB, what string, bound time.Duration, cond func() bool) {
	t.Helper()
	if !holdsWithin(bound, cond) {
		t.Fatalf("waited %v for %s", bound, what)
	}
}

func holdsWithin(bound time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(bound)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		if cond() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		passed(pause)
	}
}

// passed returns when d of wall-clock time has passed: for tests of a time
// itself, such as -t, never instead of waiting for an event.
func passed(d time.Duration) { <-time.After(d) }
