//go:build !linux

// What the shepherd needs from other systems.

package shepherd

import "golang.org/x/sys/unix"

// hideStrays keeps the descriptors that this process was started with, except
// the three standard ones, from the master, and so from every worker.
func hideStrays() {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return
	}
	for fd := range int(min(uint64(r.Cur), 4096)) {
		if fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// adoptOrphans does nothing: orphans go to init on this system.
func adoptOrphans() {}

// makerOf is not needed: this system has no PID namespaces.
func makerOf(int) int { return 0 }

func dup(from, to int) error { return unix.Dup2(from, to) }
