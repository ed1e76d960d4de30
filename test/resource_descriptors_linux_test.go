// TestResource: too few descriptors, in the master and in workers.

package test

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit sets the soft limit of a process and returns a function that restores
// the old one (prlimit(2)).
func limit(t testing.TB, pid, resource int, value uint64) (lift func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Prlimit(pid, resource, nil, &old); err != nil {
		t.Fatalf("prlimit of %d: %v", pid, err)
	}
	to := old
	to.Cur = min(value, old.Max)
	if err := unix.Prlimit(pid, resource, &to, nil); err != nil {
		t.Fatalf("prlimit of %d to %d: %v", pid, value, err)
	}
	return func() { unix.Prlimit(pid, resource, &old, nil) }
}

// noDescriptors leaves a process exactly this many descriptors to open. It
// returns the limit. Files of /proc do not count: a worker that has just
// started has its oom_score_adj open for a short time.
func noDescriptors(t testing.TB, pid, but int) (at int, lift func()) {
	t.Helper()
	for open := descriptors(pid); ; at++ {
		if is, used := open[at]; used && !strings.HasPrefix(is, "/proc/") {
			continue
		}
		if but == 0 {
			return at, limit(t, pid, unix.RLIMIT_NOFILE, uint64(at))
		}
		but--
	}
}

// The master needs descriptors for each worker that it starts, and for the
// pidfile.
func masterDescriptors(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startDaemon(t, mode, append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
		held, lost := hold(t, p, 2), 0
		p.lists(held)
		if mode != "pool" {
			p.spares(2)
		}
		at, lift := noDescriptors(t, p.master, 0)
		w := new(waiting)
		if mode == "pool" {
			// Only a replacement needs the master.
			held, lost = p.killWorker(held)
		} else {
			w = queue(t, p, 8)
		}
		log := p.saysOnce(fmt.Sprintf(`\(RLIMIT_NOFILE %d\)`, at), `: session from .*: killed by signal 9$`)
		for _, c := range held {
			flow(t, c, 1<<20)
		}
		lifted := time.Now()
		lift()
		w.served(t)
		took := p.whole(lifted, append(held, w.conns...), lost+len(held)+len(w.conns))
		p.ended(log, took)
	})
}

// killWorker kills a worker of a pool, and returns the sessions that live on
// and the number of those that ended.
func (p *plug) killWorker(held []*net.TCPConn) (live []*net.TCPConn, lost int) {
	p.t.Helper()
	victim := p.workers()[0].pid
	syscall.Kill(victim, syscall.SIGKILL)
	await(p.t, "the worker's end", normalWait, func() bool { return !isOf(victim, p.bin) })
	for _, c := range held {
		if ping(c) == nil {
			live = append(live, c)
		}
	}
	return live, len(held) - len(live)
}

// A worker needs two for a session. If there is only one it must not accept
// the client and drop it, but it may succeed; if there is none, clients wait.
func workerDescriptors(t *testing.T) {
	for _, left := range []int{0, 1} {
		t.Run(fmt.Sprintf("%d left", left), func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := startDaemon(t, mode, append(tightArgs(mode), serve(t, anywhere, echo).addr())...)
				held := hold(t, p, 2)
				p.lists(held)
				if mode != "pool" {
					p.readySpares(2)
				}
				var lifts []func()
				for _, w := range p.workers() {
					_, lift := noDescriptors(t, w.pid, left)
					lifts = append(lifts, lift)
				}
				w := queue(t, p, 6)
				log := "nothing had to fail"
				if left == 0 || w.within(time.Second) != nil {
					log = p.saysOnce(`\(RLIMIT_NOFILE \d+\)`)
				}
				// A relay cannot have a pipe now, so it copies.
				for _, c := range held {
					flow(t, c, 8<<20)
				}
				lifted := time.Now()
				for _, lift := range lifts {
					lift()
				}
				w.served(t)
				p.ended(log, p.whole(lifted, append(held, w.conns...), len(held)+len(w.conns)))
			})
		})
	}
}
