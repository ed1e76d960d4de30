// Harness: signals to a plug, stopping it, and checking that nothing is left.

package test

import (
	"errors"
	"slices"
	"syscall"
	"time"
)

// signal sends to the started process in the foreground, so that the shepherd
// has to relay it, and to the master of a daemon.
func (p *plug) signal(s syscall.Signal) {
	p.t.Helper()
	pid := p.master
	if !p.daemon {
		pid = p.cmd.Process.Pid
	}
	if err := syscall.Kill(pid, s); err != nil && !(errors.Is(err, syscall.ESRCH) && s == syscall.SIGTERM) {
		p.t.Fatalf("kill -%d %d: %v", s, pid, err)
	}
}

// procs are all live processes of this plug.
func (p *plug) procs() []process { return processesOf(p.bin) }

// workers are the processes that are neither master nor shepherd.
func (p *plug) workers() []process {
	return slices.DeleteFunc(p.procs(), func(q process) bool {
		return q.pid == p.master || !p.daemon && q.pid == p.cmd.Process.Pid
	})
}

// stop ends the plug with TERM and waits until none of its processes is left.
func (p *plug) stop() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	if p.daemon && isOf(p.master, p.bin) || !p.daemon && !p.hasExited() {
		p.signal(syscall.SIGTERM)
	}
	p.gone(10 * time.Second)
	if p.hasExited() && p.master != 0 && p.code() != 0 {
		p.t.Errorf("after TERM the exit code is %d, not 0", p.code())
	}
}

// gone waits for the end of every process; the remaining ones are reported and
// killed.
func (p *plug) gone(bound time.Duration) {
	p.t.Helper()
	if holdsWithin(bound, func() bool { return len(p.procs()) == 0 }) {
		return
	}
	for _, q := range p.procs() {
		p.t.Errorf("still there after %v: %v", bound, q)
		syscall.Kill(q.pid, syscall.SIGKILL)
	}
	holdsWithin(bound, func() bool { return len(p.procs()) == 0 })
}

func (p *plug) cleanup() {
	p.stop()
	if p.t.Failed() && p.cmd != nil {
		p.t.Logf("command: %q\nstderr: %s", p.cmd.Args, tail(p.errors(), 4000))
	}
}
