//go:build linux

// The memory of a control group.

package cgroup

import (
	"errors"
	"os"
	"path/filepath"
)

// Held is memory, in bytes.
type Held struct {
	All    int64 // including the kernel's: stacks, page tables, sockets, pipes
	Kernel int64 // the kernel's part of All
}

// Memory is what the group holds now. It is summed from its parts: the
// kernel's own total grows in steps of 64 pages per processor, which is as
// much as dozens of sessions. Version 1 counts bytes in TCP's buffers
// separately; they are left out, and idle sockets have none.
func (g *Group) Memory() (Held, error) {
	if g.mem == "" {
		return Held{}, ErrNoMemory
	}
	var h Held
	var err error
	parts := []string{"rss", "cache"}
	if g.memV2 {
		parts = []string{"anon", "file", "sock"}
		h.Kernel, err = keyed(filepath.Join(g.mem, "memory.stat"), "kernel") // from Linux 5.18
	} else {
		h.Kernel, err = number(filepath.Join(g.mem, "memory.kmem.usage_in_bytes"))
	}
	if errors.Is(err, os.ErrNotExist) {
		return Held{}, ErrNoMemory
	}
	h.All = h.Kernel
	for _, part := range parts {
		n, partErr := keyed(filepath.Join(g.mem, "memory.stat"), part)
		h.All += n
		err = errors.Join(err, partErr)
	}
	return h, err
}
