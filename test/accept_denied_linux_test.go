// Tests of plugs whose accept(2) always fails.

package test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// withoutAccept starts a plug whose workers' accept4(2) fails with an errno.
// The call is denied only for the number of the workers' listener, since the
// master accepts its control clients with the same call.
func withoutAccept(p *harness.Plug, listener int, errno syscall.Errno) {
	p.T.Helper()
	filtered(p,
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: filterNumber},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_ACCEPT4, Jf: 3},
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: filterFirst},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(listener), Jf: 1},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	)
}

// listener is the descriptor of the listener in each worker.
func listener(p *harness.Plug) (number int) {
	p.T.Helper()
	inode := ""
	for line := range strings.Lines(harness.ReadString("/proc/net/tcp")) { // proc_net_tcp.txt
		f := strings.Fields(line)
		if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", p.Port)) {
			inode = f[9]
		}
	}
	harness.Await(p.T, "a worker with the listener", harness.NormalWait, func() bool {
		for _, w := range p.Workers() {
			for fd, is := range harness.Descriptors(w.PID) {
				if number = fd; is == "socket:["+inode+"]" && strings.HasPrefix(w.Title, "plug: ") {
					return true
				}
			}
		}
		return false
	})
	return number
}

// If accept(2) always fails, the log and the status report it once, whatever
// the reason; clients wait, and no process spins. The plug still obeys its
// admin.
func TestAcceptDenied(t *testing.T) {
	if harness.IsPortable() {
		t.Skip("the portable engine accepts by Go's own call, as the master does")
	}
	t.Parallel()
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EIO, unix.EPROTO} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				target := harness.Serve(t, harness.Anywhere, harness.Echo)
				args := append(harness.FewWorkers(mode), target.Addr())
				listener := listener(harness.Start(t, mode, args...))

				p := harness.Prepare(t, mode, harness.WithControl(args...)...)
				p.Daemon = true
				withoutAccept(p, listener, errno)
				w := harness.QueueClients(t, p, 3)
				why := strings.ToLower(errno.Error())
				harness.Await(t, "the status to say "+why, harness.NormalWait, func() bool {
					trouble := p.Asks("status", nil).Status.Trouble
					return strings.HasPrefix(trouble, "cannot accept clients: ") && strings.Contains(strings.ToLower(trouble), why)
				})
				p.SaysOnce(`(?i)accept.*` + why) // and nothing spins
				if err := w.Within(300 * time.Millisecond); err == nil {
					t.Error("a client was served")
				}
				if s := p.Asks("status", nil).Status; s.Sessions != 0 || s.Accepted != 0 || s.Phase != "running" {
					t.Errorf("%+v", s)
				}
				p.Signal(syscall.SIGTERM)
				p.Gone(10 * time.Second)
				p.Lines(0)
			})
		})
	}
}
