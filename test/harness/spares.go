// Harness: how many workers wait, and plugs with few.

package harness

import (
	"fmt"
	"slices"
	"time"
)

// PoolWorkers is the number of workers that TightArgs gives a pool.
const PoolWorkers = 2

// TightArgs returns arguments that keep few workers ready, so that a few
// clients need new ones.
func TightArgs(mode string) []string {
	if mode == "pool" {
		return []string{"--workers", fmt.Sprint(PoolWorkers)}
	}
	return []string{"--spares", "2:3", "--max-workers", "64"}
}

// FewWorkers returns the arguments for a plug with few workers; a pool has one.
func FewWorkers(mode string) []string {
	if mode == "pool" {
		return []string{"--workers", "1"}
	}
	return []string{"--spares", "1:2", "--max-workers", "64"}
}

// Spares waits for n workers that wait for a client, and returns them.
func (p *Plug) Spares(n int) []Process {
	p.T.Helper()
	titles := []string{fmt.Sprintf("plug: %d spare", p.Port), fmt.Sprintf("plug: %d pool (0 sessions)", p.Port)}
	var found []Process
	Await(p.T, fmt.Sprintf("%d workers with one of the titles %q", n, titles), 30*time.Second, func() bool {
		found = slices.DeleteFunc(p.Workers(), func(w Process) bool { return !slices.Contains(titles, w.Title) })
		return len(found) == n
	})
	return found
}

// ReadySpares waits for workers that have all the descriptors that they need
// to wait for a client, the timer last: their title says spare before that.
func (p *Plug) ReadySpares(n int) []Process {
	p.T.Helper()
	found := p.Spares(n)
	for _, w := range found {
		Await(p.T, "a spare to wait", NormalWait, func() bool { return IsPortable() || HasDescriptor(w.PID, "anon_inode:[timerfd]") })
	}
	return found
}

// HasDescriptor reports whether a process has a descriptor of a kind.
func HasDescriptor(pid int, kind string) bool {
	for _, is := range Descriptors(pid) {
		if is == kind {
			return true
		}
	}
	return false
}

// SparesArgs returns arguments that make exactly n workers wait, in every
// mode.
func SparesArgs(mode string, n int) []string {
	if mode == "pool" {
		return []string{"--workers", fmt.Sprint(n)}
	}
	return []string{"--spares", fmt.Sprintf("%d:%d", n, n)}
}
