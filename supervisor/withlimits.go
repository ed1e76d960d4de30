package supervisor

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// withLimits is an error's text with the limits that it may stand for, and their
// values: what an admin has to raise.
func withLimits(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno != syscall.EAGAIN {
		return reason(err)
	}
	// fork(2): the user's processes, the cgroup's tasks, or the system's PIDs.
	return fmt.Sprintf("%s (%s)", reason(err), strings.Join(taskLimitNames(), ", "))
}
