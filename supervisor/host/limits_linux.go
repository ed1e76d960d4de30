// The limits on tasks on Linux: of the kernel, the user and the cgroups, with the
// names that an admin knows.

package host

import (
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// taskLimit is a limit on tasks, with the name that an admin knows.
type taskLimit struct {
	name  string
	value int
}

// allTaskLimits returns the limits on tasks that apply here (proc(5),
// getrlimit(2), cgroups(7)).
func allTaskLimits() (limits []taskLimit) {
	for _, name := range []string{"kernel.pid_max", "kernel.threads-max"} {
		if n, ok := number("/proc/sys/" + strings.ReplaceAll(name, ".", "/")); ok {
			limits = append(limits, taskLimit{name, n})
		}
	}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &r) == nil && r.Cur < 1<<30 {
		limits = append(limits, taskLimit{"RLIMIT_NPROC", int(r.Cur)})
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

// cgroupLimits returns pids.max of a group and of the groups above it, as far as
// they are visible. The last is "/": the host's root group has no limit, but in a
// container "/" is the container's group.
func cgroupLimits(root, path string) (limits []taskLimit) {
	for at := range groupsAbove(path) {
		if n, ok := number(filepath.Join(root, at, "pids.max")); ok {
			limits = append(limits, taskLimit{"pids.max of " + at, n})
		}
	}
	return limits
}

// groupsAbove yields a group and the groups above it, as listed in
// /proc/PID/cgroup. A group outside this cgroup namespace begins with "/.." and is
// not visible (cgroup_namespaces(7)).
func groupsAbove(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for at := filepath.Clean("/" + path); yield(at) && at != "/"; at = filepath.Dir(at) {
		}
	}
}

// taskLimits returns their values, minus a quarter for the rest of the host.
func taskLimits() (limits []int) {
	for _, l := range allTaskLimits() {
		limits = append(limits, l.value*3/4)
	}
	return limits
}

// TaskLimitNames returns the limits on tasks with their values, for an error.
func TaskLimitNames() (names []string) {
	for _, l := range allTaskLimits() {
		names = append(names, l.name+" "+strconv.Itoa(l.value))
	}
	return names
}

func number(file string) (int, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}
