// Tests of plugs whose accept(2) always fails.

package test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// withoutAccept starts a plug whose workers' accept4(2) fails with an errno.
// The call is denied only for the number of the workers' listener, since the
// master accepts its control clients with the same call.
func (p *plug) withoutAccept(listener int, errno syscall.Errno) {
	p.t.Helper()
	p.filtered(
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: filterNumber},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_ACCEPT4, Jf: 3},
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: filterFirst},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(listener), Jf: 1},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	)
}

// listener is the descriptor of the listener in each worker.
func (p *plug) listener() (number int) {
	p.t.Helper()
	inode := ""
	for line := range strings.Lines(readString("/proc/net/tcp")) { // proc_net_tcp.txt
		f := strings.Fields(line)
		if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", p.port)) {
			inode = f[9]
		}
	}
	await(p.t, "a worker with the listener", normalWait, func() bool {
		for _, w := range p.workers() {
			for fd, is := range descriptors(w.pid) {
				if number = fd; is == "socket:["+inode+"]" && strings.HasPrefix(w.title, "plug: ") {
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
	if isPortable() {
		t.Skip("the portable engine accepts by Go's own call, as the master does")
	}
	t.Parallel()
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EIO, unix.EPROTO} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				target := serve(t, anywhere, echo)
				args := append(one(mode), target.addr())
				listener := start(t, mode, args...).listener()

				p := prepare(t, mode, withControl(args...)...)
				p.daemon = true
				p.withoutAccept(listener, errno)
				w := queue(t, p, 3)
				why := strings.ToLower(errno.Error())
				await(t, "the status to say "+why, normalWait, func() bool {
					trouble := p.asks("status", nil).Status.Trouble
					return strings.HasPrefix(trouble, "cannot accept clients: ") && strings.Contains(strings.ToLower(trouble), why)
				})
				p.saysOnce(`(?i)accept.*` + why) // and nothing spins
				if err := w.within(300 * time.Millisecond); err == nil {
					t.Error("a client was served")
				}
				if s := p.asks("status", nil).Status; s.Sessions != 0 || s.Accepted != 0 || s.Phase != "running" {
					t.Errorf("%+v", s)
				}
				p.signal(syscall.SIGTERM)
				p.gone(10 * time.Second)
				p.lines(0)
			})
		})
	}
}
