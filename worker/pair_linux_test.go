//go:build linux && !portable

// A pair of connected sockets.

package worker

import (
	"testing"

	"golang.org/x/sys/unix"
)

// unixPair is a pair of stream sockets, closed with the test.
func unixPair(t testing.TB) [2]int {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(pair[0])
		unix.Close(pair[1])
	})
	return pair
}
