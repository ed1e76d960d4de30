//go:build !linux && !darwin && !freebsd

package worker

// outQueue asks how many bytes of those written to a socket its peer's kernel has not
// acknowledged. This system has no way to ask.
func outQueue(int, bool) (n int, known bool) { return 0, false }
