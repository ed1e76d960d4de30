// Errors of the system as admins read them: in the words of the C library, with the
// limit that was reached.

package host

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"daemon/plug/worker/record"
)

// WithLimits is an error's text with the limits that it may stand for, and their
// values: what an admin has to raise.
func WithLimits(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno != syscall.EAGAIN {
		return Reason(err)
	}
	// fork(2): the user's processes, the cgroup's tasks, or the system's PIDs.
	return fmt.Sprintf("%s (%s)", Reason(err), strings.Join(TaskLimitNames(), ", "))
}

// Reason is an error in the C library's words, if it is one of the system's at
// its end, with the limit that it stands for.
func Reason(err error) string {
	if call, ok := err.(*os.SyscallError); ok {
		err = call.Err // what was tried is said elsewhere
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno == 0 {
		return err.Error()
	}
	tried, last := strings.CutSuffix(err.Error(), errno.Error())
	if !last {
		return err.Error()
	}
	return tried + record.Limit(errno)
}
