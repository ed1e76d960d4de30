package supervisor

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Where this process has no place for the descriptors of a message the kernel
// drops them (unix(7)): that is an error, which names the limit.
func TestWireDescriptorsLost(t *testing.T) {
	a, b := wired(t)
	fd, closed := canary(t)
	if err := a.send(&message{Kind: wireChildren}, fd, fd, fd, fd); err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// The lowest free number, and so no room but for one or two.
	free, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(free)
	low := old
	low.Cur = uint64(free) + 1
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	_, fds, err := b.receive(patience)
	unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	if err == nil || !strings.Contains(err.Error(), "descriptors were lost") || !strings.Contains(err.Error(), "RLIMIT_NOFILE") || fds != nil {
		t.Errorf("%v, %v", fds, err)
	}
	if !closed() {
		t.Error("those that came are left")
	}
}
