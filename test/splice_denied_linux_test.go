// A test of a plug that may not call splice(2).

package test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// withoutSplice starts a plug in whose processes splice(2) fails with an
// errno: under a seccomp filter, as in some containers.
func withoutSplice(p *harness.Plug, errno syscall.Errno) {
	p.T.Helper()
	p.Args = append([]string{"-n"}, p.Args...)
	filtered(p,
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: filterNumber},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SPLICE, Jf: 1},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	)
}

// Offsets in struct seccomp_data (seccomp(2)), for a filter.
const (
	filterNumber = 0  // of the system call
	filterFirst  = 16 // its first argument, the lower half (little endian)
)

// filtered starts a plug under a seccomp filter.
func filtered(p *harness.Plug, filter ...unix.SockFilter) {
	p.T.Helper()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread and its children keep the filter
		err := forbid(filter)
		if err == nil {
			p.Launch()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		p.T.Skipf("no filter can be had: %v", err)
	}
	harness.Await(p.T, "the plug to serve", harness.ServeBound, p.Serves)
}

func forbid(filter []unix.SockFilter) error {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// If splice(2) is denied, bulk is still relayed, and no session fails.
func TestSpliceDenied(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EINVAL, unix.ENOSYS, unix.EACCES} {
		t.Run(fmt.Sprint(errno), func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				target := harness.Serve(t, harness.Anywhere, harness.Echo)
				p := harness.Prepare(t, mode, append(harness.FewWorkers(mode), target.Addr())...)
				withoutSplice(p, errno)
				const size = 8 << 20
				c := harness.Dial(t, p.Addr())
				harness.Both(t, func() error { return harness.Send(c, 5, size) }, func() error { return harness.Receive(c, 5, size) })
				if l := p.Lines(1)[0]; l.In != size || l.Out != size {
					t.Errorf("session line %+v", l)
				}
			})
		})
	}
}
