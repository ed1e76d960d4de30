// Lack of memory: which process the kernel should kill first, and whether the
// memory cgroup has killed one.

package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// oomAbove is added to a worker's oom_score_adj, so that the kernel kills workers
// before the master when memory runs out (proc(5), thousandths of all memory).
const oomAbove = 500

// WorkerOOMScore returns what workers write into oom_score_adj.
func WorkerOOMScore() int32 {
	n, ok := number("/proc/self/oom_score_adj")
	if !ok {
		return 0
	}
	return int32(min(1000, n+oomAbove))
}

// MemoryWatch counts how often this process's memory cgroup has run out.
type MemoryWatch struct {
	counter string // the file with the count
	limit   string // the file with the limit
	kills   int
	said    time.Time
}

// Find finds the group (cgroups(7)).
func (w *MemoryWatch) Find() {
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		line = strings.TrimSpace(line)
		if id, path, ok := strings.Cut(line, "::"); ok && id == "0" {
			if at := visibleGroup("/sys/fs/cgroup", path, "memory.events"); at != "" {
				w.counter, w.limit = at+"/memory.events", at+"/memory.max"
			}
		} else if _, path, ok := strings.Cut(line, ":memory:"); ok {
			if at := visibleGroup("/sys/fs/cgroup/memory", path, "memory.oom_control"); at != "" {
				w.counter, w.limit = at+"/memory.oom_control", at+"/memory.limit_in_bytes"
			}
		}
	}
	w.kills = w.count()
}

// visibleGroup returns the directory of a group, or of the nearest group above it
// that has the file; in a container that is the container's own. If none has it,
// it returns "".
func visibleGroup(root, path, file string) string {
	for at := range groupsAbove(path) {
		dir := filepath.Join(root, at)
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			return dir
		}
	}
	return ""
}

// count reads "oom_kill N".
func (w *MemoryWatch) count() int {
	text, _ := os.ReadFile(w.counter)
	_, rest, ok := bytes.Cut(text, []byte("oom_kill "))
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(string(bytes.TrimSpace(bytes.SplitN(rest, []byte("\n"), 2)[0])))
	return n
}

// RanOut returns why a process of the group has been killed since the last call,
// if the reason was lack of memory. It returns "" if it was not, or if this was
// reported within the last 10 s.
func (w *MemoryWatch) RanOut() string {
	n := w.count()
	if n <= w.kills {
		return ""
	}
	w.kills = n
	if time.Since(w.said) < 10*time.Second {
		return ""
	}
	w.said = time.Now()
	limit, _ := os.ReadFile(w.limit)
	return fmt.Sprintf("out of memory (%s of %s %s)", filepath.Base(w.limit),
		filepath.Dir(w.limit), strings.TrimSpace(string(limit)))
}
