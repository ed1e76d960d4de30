//go:build !linux

package shepherd

import (
	"os"

	"golang.org/x/sys/unix"
)

func image() (string, error) { return os.Executable() }

// adoptOrphans does nothing: orphans go to init here.
func adoptOrphans() {}

func dup(from, to int) error { return unix.Dup2(from, to) }
