//go:build !linux

package shepherd

import "golang.org/x/sys/unix"

// hideStrays keeps from the master, and so from every worker, what this process
// was started with beyond the three standard descriptors.
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

// adoptOrphans does nothing: orphans go to init here.
func adoptOrphans() {}

// makerOf is not needed: there are no PID namespaces here.
func makerOf(int) int { return 0 }

func dup(from, to int) error { return unix.Dup2(from, to) }
