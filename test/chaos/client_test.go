// A single client for wake-up tests, which connects at an exact time.

package chaos

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"daemon/plug/test/harness"
)

// loneClient connects with raw system calls, at a given time.
type loneClient struct {
	fd int
	to *syscall.SockaddrInet4
	at time.Time // time of the arrival
}

func newLoneClient(p *harness.Plug) *loneClient {
	p.T.Helper()
	fd, err := harness.Socket()
	if err != nil {
		p.T.Fatal(err)
	}
	return &loneClient{fd: fd, to: &syscall.SockaddrInet4{Port: p.Port, Addr: [4]byte{127, 0, 0, 1}}}
}

func (c *loneClient) close() {
	if c.fd >= 0 {
		syscall.Close(c.fd)
	}
	c.fd = -1
}

// arrive connects at a given time, and signals a process when wait, which runs
// at the same time, returns; off is how much later than the arrival the signal
// was.
func (c *loneClient) arrive(moment time.Time, wait func(), pid int, s syscall.Signal) (off time.Duration) {
	struck := make(chan time.Time)
	go func() {
		runtime.LockOSThread()
		wait()
		at := time.Now()
		syscall.Kill(pid, s)
		struck <- at
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	awake(moment)
	c.at = time.Now()
	syscall.Connect(c.fd, c.to)
	return (<-struck).Sub(c.at)
}

// awake waits without sleeping: a sleep ends some 50 µs late.
func awake(until time.Time) {
	for time.Now().Before(until) {
	}
}

// greeted waits for the target's first byte, at most bound after the arrival.
// It returns the time since the arrival; errSilence means that nothing came,
// not even EOF.
func (c *loneClient) greeted(bound time.Duration) (time.Duration, error) {
	left := syscall.NsecToTimeval(int64(max(time.Millisecond, bound-time.Since(c.at))))
	if err := syscall.SetsockoptTimeval(c.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &left); err != nil {
		return 0, err
	}
	var n int
	var err error = syscall.EINTR
	for err == syscall.EINTR {
		n, err = syscall.Read(c.fd, make([]byte, 1))
	}
	wait := time.Since(c.at)
	switch {
	case err == syscall.EAGAIN:
		return wait, errSilence
	case err != nil:
		return wait, err
	case n == 0:
		return wait, errEnd
	}
	return wait, nil
}

var (
	errSilence = errors.New("neither a byte nor an end")
	errEnd     = errors.New("end of file")
)

// isWith reports whether a process has accepted this client: the plug's end of
// the connection is among its descriptors (proc_net_tcp.txt: the tenth field
// is the inode, which is 0 before the accept).
func (c *loneClient) isWith(pid int) bool {
	self, err := syscall.Getsockname(c.fd)
	if err != nil {
		return false
	}
	from := self.(*syscall.SockaddrInet4)
	ends := fmt.Sprintf(":%04X 0100007F:%04X", c.to.Port, from.Port)
	for line := range strings.Lines(harness.ReadString("/proc/net/tcp")) {
		if f := strings.Fields(line); len(f) > 9 && strings.Contains(line, ends) {
			return slices.Contains(slices.Collect(maps.Values(harness.Descriptors(pid))), "socket:["+f[9]+"]")
		}
	}
	return false
}
