// Memory that runs out: which process the kernel should kill first, and whether
// the memory cgroup has killed one.

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

// oomAbove is how much rather than its master the kernel should kill a worker
// when memory runs out (proc(5), oom_score_adj: thousandths of all memory).
const oomAbove = 500

// WorkerOOMScore is what workers write into oom_score_adj.
func WorkerOOMScore() int32 {
	n, ok := number("/proc/self/oom_score_adj")
	if !ok {
		return 0
	}
	return int32(min(1000, n+oomAbove))
}

// MemoryWatch knows how often this process's memory cgroup has run out.
type MemoryWatch struct {
	counter string // the file that counts
	limit   string // the file of the limit
	kills   int
	said    time.Time
}

// Find looks up the group (cgroups(7)).
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

// visibleGroup is the directory of a group, or of the nearest above it that has a
// file; in a container that is the container's own. Without one it is "".
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

// RanOut is why a process of the group was killed since the last call, if it was
// for want of memory; it is "" if it was not, or if that was said a moment ago.
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
