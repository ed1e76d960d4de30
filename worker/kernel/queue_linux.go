//go:build portable

// How much of what was sent the peer has not acknowledged, on Linux.

package kernel

import "golang.org/x/sys/unix"

// OutQueue asks how many bytes of those written to a socket its peer's kernel has not
// acknowledged (tcp(7) SIOCOUTQ); its end counts as one.
func OutQueue(fd int, ended bool) (n int, known bool) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ)
	if ended && n > 0 {
		n--
	}
	return n, err == nil
}
