//go:build !linux

package reach

import "errors"

// listeners needs Linux's /proc.
func listeners(pid int) ([]string, error) {
	return nil, errors.New("its control socket can be found only on Linux; give it with -s PATH")
}

// elsewhere needs sock_diag(7), too.
func elsewhere() []string { return nil }
