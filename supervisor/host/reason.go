// System errors as admins read them: in the words of the C library, with the limit
// that was reached.

package host

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"daemon/plug/worker/record"
)

// WithLimits returns an error's text with the limits that it may stand for and
// their values, so that an admin knows what to raise.
func WithLimits(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno != syscall.EAGAIN {
		return Reason(err)
	}
	// fork(2): the user's processes, the cgroup's tasks, or the system's PIDs.
	return fmt.Sprintf("%s (%s)", Reason(err), strings.Join(TaskLimitNames(), ", "))
}

// Reason returns an error's text. If the error wraps one of the system's, the text
// is the C library's, with the limit that it stands for.
func Reason(err error) string {
	if call, ok := err.(*os.SyscallError); ok {
		err = call.Err // the caller says what was tried
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
