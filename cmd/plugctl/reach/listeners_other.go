//go:build !linux

// The sockets on which processes listen: not known on other systems.

package reach

import "errors"

// listeners needs /proc of Linux.
func listeners(pid int) ([]string, error) {
	return nil, errors.New("its control socket can be found only on Linux; give it with -s PATH")
}

// elsewhere needs sock_diag(7) of Linux.
func elsewhere() []string { return nil }
