//go:build !linux

package reach

import "errors"

// listeners needs Linux's /proc.
func listeners(pid int) ([]string, error) {
	return nil, errors.New("which socket it listens on can be found on Linux alone; give it, -s PATH")
}

// elsewhere needs sock_diag(7), too.
func elsewhere() []string { return nil }
