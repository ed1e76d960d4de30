// How many of the sent bytes the peer has not acknowledged, on macOS.

package kernel

import "golang.org/x/sys/unix"

// OutQueue asks how many of the bytes written to a socket its peer's kernel has not
// acknowledged (getsockopt(2) SO_NWRITE).
func OutQueue(fd int, _ bool) (n int, known bool) {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NWRITE)
	return n, err == nil
}

// UnsentQueue is OutQueue: this system does not tell the two apart.
func UnsentQueue(fd int, ended bool) (n int, known bool) { return OutQueue(fd, ended) }
