//go:build !linux && !darwin && !freebsd

// How many of the sent bytes the peer has not acknowledged, on systems that can't report
// it.

package kernel

// OutQueue would ask how many of the bytes written to a socket its peer's kernel has not
// acknowledged. This system has no way to ask.
func OutQueue(int, bool) (n int, known bool) { return 0, false }

// UnsentQueue is OutQueue: this system does not tell the two apart.
func UnsentQueue(fd int, ended bool) (n int, known bool) { return OutQueue(fd, ended) }
