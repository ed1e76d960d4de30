// Waiting for a child of this process. What differs between systems is in
// system_*.go.

// Package host is the supervisor's interface to the system and to what the host
// has: listening sockets, limits, memory, processes, disks and terminals.
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
