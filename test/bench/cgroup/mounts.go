//go:build linux

// Where the hierarchies of control groups are mounted.

package cgroup

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// mounts are the mount points of the hierarchies; empty if there is none.
type mounts struct {
	cpuacct string // version 1
	memory  string // version 1
	v2      string
}

func findMounts() (mounts, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mounts{}, fmt.Errorf("find cgroups: %w", err)
	}
	return parseMounts(string(b)), nil
}

// parseMounts reads the format of proc_pid_mountinfo(5): the mount point is
// the fifth field; after a single "-" come the type, the source and the
// hierarchy's options, which name its controllers.
func parseMounts(mountinfo string) (m mounts) {
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		fields, super := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(super) < 3 {
			continue
		}
		at, controllers := fields[4], strings.Split(super[2], ",")
		switch super[0] {
		case "cgroup2":
			m.v2 = at
		case "cgroup":
			if slices.Contains(controllers, "cpuacct") {
				m.cpuacct = at
			}
			if slices.Contains(controllers, "memory") {
				m.memory = at
			}
		}
	}
	return m
}
