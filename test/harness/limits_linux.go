// Harness: limits of running processes.

package harness

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// SetLimit sets the soft limit of a process and returns a function that restores
// the old one (prlimit(2)).
func SetLimit(t testing.TB, pid, resource int, value uint64) (lift func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Prlimit(pid, resource, nil, &old); err != nil {
		t.Fatalf("prlimit of %d: %v", pid, err)
	}
	to := old
	to.Cur = min(value, old.Max)
	if err := unix.Prlimit(pid, resource, &to, nil); err != nil {
		t.Fatalf("prlimit of %d to %d: %v", pid, value, err)
	}
	return func() { unix.Prlimit(pid, resource, &old, nil) }
}

// NoDescriptors leaves a process exactly this many descriptors to open. It
// returns the limit. Files of /proc do not count: a worker that has just
// started has its oom_score_adj open for a short time.
func NoDescriptors(t testing.TB, pid, but int) (at int, lift func()) {
	t.Helper()
	for open := Descriptors(pid); ; at++ {
		if is, used := open[at]; used && !strings.HasPrefix(is, "/proc/") {
			continue
		}
		if but == 0 {
			return at, SetLimit(t, pid, unix.RLIMIT_NOFILE, uint64(at))
		}
		but--
	}
}
