//go:build !linux && !darwin && !freebsd

// How much of what was sent the peer has not acknowledged, on other systems.

package kernel

// OutQueue asks how many bytes of those written to a socket its peer's kernel has not
// acknowledged. This system has no way to ask.
func OutQueue(int, bool) (n int, known bool) { return 0, false }
