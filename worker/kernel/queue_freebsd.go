// How many of the sent bytes the peer has not acknowledged, on FreeBSD.

package kernel

import "golang.org/x/sys/unix"

// fionwrite is FIONWRITE of <sys/filio.h>, _IOR('f', 119, int).
const fionwrite = 0x40046677

// OutQueue asks how many of the bytes written to a socket its peer's kernel has not
// acknowledged: they stay in its send buffer until then (ioctl(2) FIONWRITE).
func OutQueue(fd int, _ bool) (n int, known bool) {
	n, err := unix.IoctlGetInt(fd, fionwrite)
	return n, err == nil
}

// UnsentQueue is OutQueue: this system does not tell the two apart.
func UnsentQueue(fd int, ended bool) (n int, known bool) { return OutQueue(fd, ended) }
