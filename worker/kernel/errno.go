// Why a call of package syscall or golang.org/x/sys/unix has failed, as an error number.
// Raw calls return the number directly.

package kernel

import "syscall"

// Errno is the errno of such a call; 0 if there was no error.
func Errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return syscall.EINVAL // they return no other errors
}
