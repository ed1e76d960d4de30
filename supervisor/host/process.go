// Package host has what several parts of the supervisor ask the system for.
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
