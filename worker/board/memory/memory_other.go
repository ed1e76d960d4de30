//go:build !linux

package memory

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate makes size bytes that several processes can map: an unlinked file,
// where there is no memfd.
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

// Seal does nothing where there are no seals: workers map the assignment for
// reading only.
func Seal(assignment, state int) error { return nil }
