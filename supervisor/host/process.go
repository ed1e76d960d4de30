// A child of this process is waited for here.
// What differs from system to system is in system_*.go.

// Package host is what the supervisor asks the system for, and what it knows of
// the host: listening sockets, limits, memory, processes, disks and terminals.
package host

import "golang.org/x/sys/unix"

// Wait waits until a child has ended, and reaps it.
func Wait(pid int) (status unix.WaitStatus, err error) {
	for {
		if _, err = unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status, err
		}
	}
}
