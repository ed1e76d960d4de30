// Upgrade tests: a plug's condition, which a failed upgrade must not change.

package upgrade

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// condition is everything that a failed upgrade must leave unchanged.
type condition struct {
	master  string
	pidfile string
	workers []string // identity and title of each
	boards  []string // the boards' contents: affinity, rotation, failed marks, counters
	open    []string // kinds of the master's descriptors
}

// conditionOf is the plug's condition when nothing is in progress.
func conditionOf(p *harness.Plug) (c condition) {
	p.T.Helper()
	harness.Await(p.T, "the dead to be reaped", harness.NormalWait, func() bool { return len(harness.Zombies(p.Master)) == 0 })
	q, err := harness.ReadProcess(p.Master)
	if err != nil {
		p.T.Fatal(err)
	}
	same := func(q harness.Process) string { return fmt.Sprintf("%d since %d: %q", q.PID, q.Start, q.Title) }
	c.master, c.pidfile = same(q), harness.ReadString(p.Pidfile)
	for _, w := range p.Workers() {
		c.workers = append(c.workers, same(w))
	}
	c.boards = boardsOf(p.T, p.Master)
	for _, link := range harness.Descriptors(p.Master) {
		kind, _, _ := strings.Cut(link, ":[")
		c.open = append(c.open, kind)
	}
	slices.Sort(c.open)
	return c
}

// differs lists what has changed.
func (c condition) differs(before condition) (what []string) {
	list := func(name string, now, then []string) {
		for _, s := range now {
			i := slices.Index(then, s)
			if i < 0 {
				what = append(what, fmt.Sprintf("%s: now %s", name, s))
				continue
			}
			then = slices.Delete(slices.Clone(then), i, i+1)
		}
		for _, s := range then {
			what = append(what, fmt.Sprintf("%s: no longer %s", name, s))
		}
	}
	list("master", []string{c.master}, []string{before.master})
	list("pidfile", []string{c.pidfile}, []string{before.pidfile})
	list("workers", c.workers, before.workers)
	list("boards", c.boards, before.boards)
	return what
}

// stateMemories are the inodes of a process's state memories.
func stateMemories(pid int) map[uint64]bool {
	found := map[uint64]bool{}
	for fd, link := range harness.Descriptors(pid) {
		info, err := os.Stat(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		if err == nil && strings.HasPrefix(link, "/memfd:plug-state") {
			found[info.Sys().(*syscall.Stat_t).Ino] = true
		}
	}
	return found
}

// boardsOf is the contents of a process's state memories, in short form.
func boardsOf(t testing.TB, pid int) (boards []string) {
	t.Helper()
	for fd, link := range harness.Descriptors(pid) {
		if !strings.HasPrefix(link, "/memfd:plug-state") {
			continue
		}
		f, err := os.Open(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, f)
		f.Close()
		if err != nil || n == 0 {
			t.Fatalf("board of %d: %d bytes, %v", pid, n, err)
		}
		boards = append(boards, fmt.Sprintf("%x", sum.Sum(nil)[:6]))
	}
	if len(boards) == 0 {
		t.Fatalf("master %d has no board", pid)
	}
	slices.Sort(boards)
	return boards
}
