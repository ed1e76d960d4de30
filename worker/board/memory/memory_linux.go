// A board's memory on Linux: memfds, and the seals that keep workers from
// writing
// the assignment.

package memory

import "golang.org/x/sys/unix"

// allocate returns a descriptor of size bytes that several processes can map:
// a memfd.
func allocate(name string, size int64) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, err
	}
	if err := unix.Ftruncate(fd, size); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Seal fixes the sizes of the two memories and makes the assignment read-only
// for all but the master, which has already mapped it (memfd_create(2),
// fcntl(2) F_ADD_SEALS).
func Seal(assignment, state int) error {
	if err := SealAssignment(assignment); err != nil {
		return err
	}
	_, err := unix.FcntlInt(uintptr(state), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	return err
}

// SealAssignment does that for an assignment alone.
func SealAssignment(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
		unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_FUTURE_WRITE|unix.F_SEAL_SEAL)
	return err
}
