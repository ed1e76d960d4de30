// Tests of limits: under a small limit on descriptors, and in a tree of cgroups
// that the test makes.

package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

// withDescriptors runs f under a limit on descriptors.
func withDescriptors(t *testing.T, n uint64, f func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	f()
}

func TestMaxWorkers(t *testing.T) {
	if n := MaxWorkers(); n < 1 || n > config.MaxWorkers {
		t.Errorf("%d workers", n)
	}
	for limit, want := range map[uint64]int{64: 1, 80: 8, 1024: 480} {
		withDescriptors(t, limit, func() {
			if n := MaxWorkers(); n > want || n < 1 {
				t.Errorf("%d workers with %d descriptors, want at most %d", n, limit, want)
			}
			if needed := MaxWorkers()*2 + fdsOfMaster; needed > int(limit) && MaxWorkers() > 1 {
				t.Errorf("%d descriptors needed of %d", needed, limit)
			}
		})
	}
}

func TestPoolCapacity(t *testing.T) {
	for limit, want := range map[uint64]int{32: 1, 40: 3, 1024: 396} {
		withDescriptors(t, limit, func() {
			if n := PoolCapacity(); n != want {
				t.Errorf("%d sessions with %d descriptors, want %d", n, limit, want)
			}
		})
	}
	if n := PoolCapacity(); n > poolMost {
		t.Errorf("%d sessions", n)
	}
}

func TestTaskLimits(t *testing.T) {
	all := allTaskLimits()
	if !slices.ContainsFunc(all, func(l taskLimit) bool { return l.name == "kernel.pid_max" && l.value > 300 }) {
		t.Errorf("pid_max is missing in %v", all)
	}
	values := taskLimits()
	if len(values) != len(all) || len(TaskLimitNames()) != len(all) {
		t.Fatalf("%d limits, %d values, %d names", len(all), len(values), len(TaskLimitNames()))
	}
	for i := range all {
		if values[i] <= 0 || values[i] >= all[i].value {
			t.Errorf("%s %d leaves %d", all[i].name, all[i].value, values[i])
		}
	}
}

// A group's limit and those of the groups above it apply; "max" is no limit.
func TestCgroupLimits(t *testing.T) {
	root := t.TempDir()
	for dir, text := range map[string]string{"a": "500\n", "a/b": "max\n", "a/b/c": "70\n"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "pids.max"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []int
	for _, l := range cgroupLimits(root, "/a/b/c/d") {
		got = append(got, l.value)
	}
	if !slices.Equal(got, []int{70, 500}) {
		t.Errorf("limits %v", got)
	}
	if l := cgroupLimits(root, "/"); len(l) != 0 {
		t.Errorf("limits of a root without: %v", l)
	}
	// In a container with a cgroup namespace, "/" is the container's group.
	if err := os.WriteFile(filepath.Join(root, "pids.max"), []byte("90\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]taskLimit{
		"/":             {{"pids.max of /", 90}},
		"/a/b/c":        {{"pids.max of /a/b/c", 70}, {"pids.max of /a", 500}, {"pids.max of /", 90}},
		"/docker/0123":  {{"pids.max of /", 90}}, // not mounted here
		"/../elsewhere": {{"pids.max of /", 90}}, // outside the namespace
	} {
		if got := cgroupLimits(root, path); !slices.Equal(got, want) {
			t.Errorf("%s: limits %v, want %v", path, got, want)
		}
	}
}

// The group that counts processes killed for lack of memory is the nearest visible
// one.
func TestVisibleGroup(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"memory.events", "a/memory.events"} {
		if err := os.WriteFile(filepath.Join(root, path), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{"/": root, "/a": root + "/a", "/a/b": root + "/a", "/docker/0123": root, "/../elsewhere": root} {
		if got := visibleGroup(root, path, "memory.events"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := visibleGroup(root, "/a", "nothing"); got != "" {
		t.Errorf("%q has no such file", got)
	}
}
