// TestResource: too few descriptors, in the master and in workers.

package resource

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// The master needs descriptors for each worker that it starts, and for the
// pidfile.
func masterDescriptors(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held, lost := harness.Hold(t, p, 2), 0
		p.Lists(held)
		if mode != "pool" {
			p.Spares(2)
		}
		at, lift := harness.NoDescriptors(t, p.Master, 0)
		w := new(harness.Waiting)
		if mode == "pool" {
			// Only a replacement needs the master.
			held, lost = killWorker(p, held)
		} else {
			w = harness.QueueClients(t, p, 8)
		}
		log := p.SaysOnce(fmt.Sprintf(`\(RLIMIT_NOFILE %d\)`, at), `: session from .*: killed by signal 9$`)
		for _, c := range held {
			harness.FlowOn(t, c, 1<<20)
		}
		lifted := time.Now()
		lift()
		w.Served(t)
		took := whole(p, lifted, append(held, w.Conns...), lost+len(held)+len(w.Conns))
		addEnding(p, log, took)
	})
}

// killWorker kills a worker of a pool, and returns the sessions that live on
// and the number of those that ended.
func killWorker(p *harness.Plug, held []*net.TCPConn) (live []*net.TCPConn, lost int) {
	p.T.Helper()
	victim := p.Workers()[0].PID
	syscall.Kill(victim, syscall.SIGKILL)
	harness.Await(p.T, "the worker's end", harness.NormalWait, func() bool { return !harness.IsOf(victim, p.Bin) })
	for _, c := range held {
		if harness.Ping(c) == nil {
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
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
				held := harness.Hold(t, p, 2)
				p.Lists(held)
				if mode != "pool" {
					p.ReadySpares(2)
				}
				var lifts []func()
				for _, w := range p.Workers() {
					_, lift := harness.NoDescriptors(t, w.PID, left)
					lifts = append(lifts, lift)
				}
				w := harness.QueueClients(t, p, 6)
				log := "nothing had to fail"
				if left == 0 || w.Within(time.Second) != nil {
					log = p.SaysOnce(`\(RLIMIT_NOFILE \d+\)`)
				}
				// A relay cannot have a pipe now, so it copies.
				for _, c := range held {
					harness.FlowOn(t, c, 8<<20)
				}
				lifted := time.Now()
				for _, lift := range lifts {
					lift()
				}
				w.Served(t)
				addEnding(p, log, whole(p, lifted, append(held, w.Conns...), len(held)+len(w.Conns)))
			})
		})
	}
}
