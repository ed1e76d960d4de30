//go:build !linux

// A board's memory on systems other than Linux: unlinked files without seals.

package memory

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate returns a descriptor of size bytes that several processes can map:
// an unlinked file, as there is no memfd.
func allocate(name string, size int64) (int, error) {
	f, err := os.CreateTemp("", "."+name)
	if err != nil {
		return -1, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return -1, err
	}
	if err := f.Truncate(size); err != nil {
		return -1, err
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, nil
}

// Seal does nothing, as there are no seals: workers map the assignment
// read-only.
func Seal(assignment, state int) error { return nil }

// SealAssignment does nothing for the same reason.
func SealAssignment(fd int) error { return nil }
