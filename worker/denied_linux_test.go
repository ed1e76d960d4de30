//go:build linux && !portable

// Relaying where the system forbids splice(2).

package worker

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbidSplice has the kernel answer splice(2) with an errno for the rest of the calling
// goroutine's life: for one descriptor only, or with -1 for all. The goroutine keeps its
// thread, which ends with it.
func forbidSplice(t *testing.T, errno syscall.Errno, to int) {
	t.Helper()
	runtime.LockOSThread()
	const toArgument = 16 + 2*8 // struct seccomp_data: the third argument, its low half
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SPLICE, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: toArgument},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(to), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if to < 0 {
		filter[3].Jf = 0
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		t.Skipf("no filters here: %v", err)
	}
}

// Where splice(2) is denied, bulk is read and written, and nothing is lost: neither what
// a read would have returned, nor what is already in a pipe.
func TestSpliceDenied(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EINVAL} {
		for _, way := range []string{"from the socket", "to the socket"} {
			t.Run(fmt.Sprintf("%v, %s", errno, way), func(t *testing.T) {
				eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
					to, forbidden := &s.target, -1
					if from == to {
						to = &s.client
					}
					if way == "to the socket" {
						forbidden = to.fd
					}
					done := make(chan struct{})
					go func() {
						defer close(done)
						forbidSplice(t, errno, forbidden)
						sent := noise(51, 8<<20)
						feed(sender, sent)
						arrived := drain(receiver)
						e.until(t, "the end has passed", func() bool { return s.state == halfClosed })
						if got := <-arrived; !bytes.Equal(got, sent) {
							t.Errorf("%d bytes arrived, want %d", len(got), len(sent))
						}
					}()
					<-done
					if !e.relay.copies || from.splicing || from.pipe != nil {
						t.Errorf("copies %v, splices %v, a pipe %v", e.relay.copies, from.splicing, from.pipe != nil)
					}
				})
			})
		}
	}
}
