// Harness: modes, random numbers, waiting, and the scale of a run.

package harness

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Count scales a number in the issue: whole in a soak, otherwise a tenth.
func Count(n int) int {
	if Soak() {
		return n
	}
	return max(1, n/10)
}

// Soak reports whether this run has the whole counts.
func Soak() bool { return os.Getenv("PLUG_SOAK") == "1" }

// Modes are the values of --mode; see ForEachMode.
var Modes = []string{"fork", "prefork", "pool"}

// ForEachMode runs f as a subtest in every mode, or only in the named ones.
func ForEachMode(t *testing.T, f func(t *testing.T, mode string), only ...string) {
	t.Helper()
	if only == nil {
		only = Modes
	}
	for _, mode := range only {
		t.Run(mode, func(t *testing.T) { f(t, mode) })
	}
}

// Random returns a source for the test's choices; its seed is in the log.
func Random(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(SeedOf(t), 0))
}

// SeedOf returns the seed of a test's random choices; it is in the log.
func SeedOf(t testing.TB) uint64 {
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

// Program is the path of a peer program; if it is missing, the test is
// skipped, or fails under CI=true, where every peer is installed.
func Program(t testing.TB, name string) string {
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
	ShortWait  = 2 * time.Second  // for what happens at once
	NormalWait = 5 * time.Second  // for what takes a process or a timer of a second
	LongWait   = 10 * time.Second // for what many processes have to do
)

// Await polls until cond holds; if it does not within bound, the test fails
// and names what.
func Await(t testing.TB, what string, bound time.Duration, cond func() bool) {
	t.Helper()
	if !HoldsWithin(bound, cond) {
		t.Fatalf("waited %v for %s", bound, what)
	}
}

// HoldsWithin polls until cond holds, and reports whether it did within bound.
func HoldsWithin(bound time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(bound)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		if cond() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		Passed(pause)
	}
}

// Passed returns when d of wall-clock time has passed: for tests of a time
// itself, such as -t, never instead of waiting for an event.
func Passed(d time.Duration) { <-time.After(d) }

// Scaled is a number for a soak, and a smaller one for make test.
func Scaled(whole, less int) int {
	if Soak() {
		return whole
	}
	return less
}

// NeedRoot skips a test for other users than root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to be another user")
	}
}

// InShort are the modes that are enough for make test; a soak takes all.
func InShort(modes ...string) []string {
	if Soak() {
		return nil
	}
	return modes
}
