//go:build linux

// Package cgroup manages the control groups in which proxies are measured. A
// group's use includes every process that was ever in it, also dead ones, and
// its memory includes what the kernel holds for them. It supports versions 1
// and 2, also mixed, as in cgroups(7).
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoMemory means that there is no memory controller.
var ErrNoMemory = errors.New("no memory controller")

// Group is one proxy's control group, a directory in each required hierarchy.
type Group struct {
	cpu    string
	cpuV2  bool
	mem    string // "": none
	memV2  bool
	unique []string
}

// New creates a group with a name that must not exist yet.
func New(name string) (*Group, error) {
	m, err := findMounts()
	if err != nil {
		return nil, err
	}
	g := &Group{cpuV2: m.cpuacct == "", memV2: m.memory == ""}
	cpuAt, memAt := m.cpuacct, m.memory
	if g.cpuV2 {
		cpuAt = m.v2
	}
	if g.memV2 {
		memAt = m.v2
	}
	if cpuAt == "" {
		return nil, errors.New("neither cpuacct nor cgroup2 is mounted")
	}
	if g.cpu, err = g.make(cpuAt, name); err != nil {
		return nil, err
	}
	if memAt == "" {
		return g, nil
	}
	if g.memV2 {
		// This fails if the parent has processes of its own; then there is no
		// memory.current, and Memory says so.
		os.WriteFile(filepath.Join(memAt, "cgroup.subtree_control"), []byte("+memory"), 0)
	}
	if g.mem, err = g.make(memAt, name); err != nil {
		g.Remove()
		return nil, err
	}
	return g, nil
}

// make creates the group's directory in one hierarchy, but only once.
func (g *Group) make(at, name string) (string, error) {
	dir := filepath.Join(at, name)
	for _, d := range g.unique {
		if d == dir {
			return dir, nil
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cgroup: %w", err)
	}
	g.unique = append(g.unique, dir)
	return dir, nil
}

// Dirs are the directories that a process must Enter.
func (g *Group) Dirs() []string { return g.unique }

// Enter puts the calling process into a group, given its Dirs.
func Enter(dirs []string) error {
	for _, d := range dirs {
		if err := os.WriteFile(filepath.Join(d, "cgroup.procs"), []byte("0"), 0); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
	}
	return nil
}

// CPU is the CPU time that the group has used so far.
func (g *Group) CPU() (time.Duration, error) {
	if !g.cpuV2 {
		n, err := number(filepath.Join(g.cpu, "cpuacct.usage"))
		return time.Duration(n), err
	}
	us, err := keyed(filepath.Join(g.cpu, "cpu.stat"), "usage_usec")
	return time.Duration(us) * time.Microsecond, err
}

// Pids are the processes that are in the group now.
func (g *Group) Pids() ([]int, error) {
	b, err := os.ReadFile(filepath.Join(g.cpu, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, f := range strings.Fields(string(b)) {
		if pid, err := strconv.Atoi(f); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Remove ends all processes of the group and removes it.
func (g *Group) Remove() error {
	deadline := time.Now().Add(10 * time.Second)
	for _, dir := range g.unique {
		for {
			pids, _ := g.Pids()
			for _, pid := range pids {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			err := syscall.Rmdir(dir)
			if err == nil || errors.Is(err, syscall.ENOENT) {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("remove cgroup %s: %w", dir, err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}
