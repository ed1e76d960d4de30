package supervisor

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// taskLimits are the limits on tasks that hold here, less what is in use
// already where that is known (proc(5), getrlimit(2), cgroups(7)).
func taskLimits() (limits []int) {
	if n, ok := number("/proc/sys/kernel/pid_max"); ok {
		limits = append(limits, n*3/4) // the rest of the host wants some, too
	}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &r) == nil && r.Cur < 1<<30 {
		limits = append(limits, int(r.Cur))
	}
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		id, path, ok := strings.Cut(strings.TrimSpace(line), "::")
		if ok && id == "0" {
			limits = append(limits, cgroupLimits("/sys/fs/cgroup", path)...)
		} else if _, path, ok := strings.Cut(strings.TrimSpace(line), ":pids:"); ok {
			limits = append(limits, cgroupLimits("/sys/fs/cgroup/pids", path)...)
		}
	}
	return limits
}

// cgroupLimits are pids.max of a group and of those above it.
func cgroupLimits(root, path string) (limits []int) {
	for ; path != "/" && path != "." && path != ""; path = filepath.Dir(path) {
		if n, ok := number(filepath.Join(root, path, "pids.max")); ok {
			limits = append(limits, n)
		}
	}
	return limits
}

func number(file string) (int, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}
