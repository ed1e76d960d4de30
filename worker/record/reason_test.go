// Tests of the texts of errors.

package record

import (
	"runtime"
	"syscall"
	"testing"
)

func TestReason(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.ECONNREFUSED: "Connection refused",
		syscall.ECONNRESET:   "Connection reset by peer",
		syscall.ENETUNREACH:  "Network is unreachable",
		syscall.EPIPE:        "Broken pipe",
		syscall.EMFILE:       "Too many open files",
		syscall.EIO:          "Input/output error",
		syscall.ENOENT:       "No such file or directory",
		99999:                "Unknown error 99999",
	} {
		if got := Reason(errno); got != want {
			t.Errorf("%d: got %q, want %q", int(errno), got, want)
		}
	}
}

// The constant texts are the same as the ones made from Go's.
func TestReasonAgrees(t *testing.T) {
	for errno := syscall.Errno(1); errno < 200; errno++ {
		if text := common(errno); text != "" && text != spell(errno) {
			t.Errorf("%d: %q, but %q", int(errno), text, spell(errno))
		}
	}
}

func TestReasonAllocates(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has its texts written out")
	}
	sink := ""
	for _, errno := range []syscall.Errno{
		syscall.ECONNREFUSED, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		syscall.ECONNRESET, syscall.EPIPE, syscall.EADDRNOTAVAIL, syscall.EMFILE,
	} {
		if n := testing.AllocsPerRun(10, func() { sink = Reason(errno) }); n != 0 || sink == "" {
			t.Errorf("%q: %v allocations", sink, n)
		}
	}
}
