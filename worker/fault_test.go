// Whose fault an error of a connect is.

package worker

import (
	"syscall"
	"testing"
)

// For each error of connect(2), and of the steps before it, whose fault it is.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		what  string
		errno syscall.Errno
		want  fault
		marks bool
	}{
		{"", syscall.ECONNREFUSED, ofTarget, true},
		{"", syscall.ETIMEDOUT, ofTarget, true},
		{"", syscall.EHOSTUNREACH, ofTarget, true},
		{"", syscall.EHOSTDOWN, ofTarget, true},
		{"", syscall.ENETUNREACH, ofTarget, true},
		{"", syscall.ENETDOWN, ofTarget, true},
		{"", syscall.ECONNRESET, ofTarget, true},
		{"", syscall.EAFNOSUPPORT, unfit, true},
		{"", syscall.EINVAL, unfit, true},
		{"", syscall.ELOOP, unfit, true},
		{"", syscall.EACCES, forbidden, false},
		{"", syscall.EPERM, forbidden, false},
		{"", syscall.EADDRNOTAVAIL, shortage, false},
		{"", syscall.EADDRINUSE, shortage, false},
		{"", syscall.EAGAIN, shortage, false},
		{"", syscall.ENOBUFS, shortage, false},
		{"socket", syscall.EAFNOSUPPORT, unfit, true},
		{"socket", syscall.EMFILE, shortage, false},
		{"socket", syscall.ENFILE, shortage, false},
		{"socket", syscall.ENOMEM, shortage, false},
		{"socket", syscall.EACCES, forbidden, false},
		{"epoll", syscall.ENOSPC, shortage, false},
		{"epoll", syscall.ENOMEM, shortage, false},
		{"bind 192.0.2.1", syscall.EADDRNOTAVAIL, misuse, false},
		{"bind 192.0.2.1", syscall.EINVAL, misuse, false},
		{"bind 192.0.2.1", syscall.EACCES, forbidden, false},
		{"interface x", syscall.ENODEV, misuse, false},
		{"interface x", syscall.EPERM, forbidden, false},
	} {
		if got := faultOf(c.what, c.errno); got != c.want || marks(c.what, c.errno) != c.marks {
			t.Errorf("%q, %v: fault %d, marks %v; want %d, %v", c.what, c.errno, got, marks(c.what, c.errno), c.want, c.marks)
		}
	}
	if marks("", 0) {
		t.Error("no error marks a target")
	}
}
