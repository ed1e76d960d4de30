//go:build portable

// How many of the sent bytes the peer has not acknowledged, on Linux.

package kernel

import "golang.org/x/sys/unix"

// OutQueue asks how many of the bytes written to a socket its peer's kernel has not
// acknowledged (tcp(7) SIOCOUTQ). The end of the stream counts as one.
func OutQueue(fd int, ended bool) (n int, known bool) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ)
	if ended && n > 0 {
		n--
	}
	return n, err == nil
}

// UnsentQueue asks how many of the bytes written to a socket have not been sent
// (SIOCOUTQNSD of <linux/sockios.h>). The end of the stream counts as one.
func UnsentQueue(fd int, ended bool) (n int, known bool) {
	const unsent = 0x894b
	n, err := unix.IoctlGetInt(fd, unsent)
	if ended && n > 0 {
		n--
	}
	return n, err == nil
}
