// A test of an upgrade while the pidfile's disk hangs.

package test

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// If the disk of the pidfile hangs during an upgrade, nothing is delayed: one
// of the masters serves, and has the pidfile when the disk is back.
func TestUpgradeWithHangingPidfile(t *testing.T) {
	t.Parallel()
	disk := mountFuse(t)
	p := prepare(t, "prefork", withControl("-P", disk.dir+"/pid", serve(t, anywhere, echo).addr())...)
	p.pidfile = disk.dir + "/pid"
	p.detach()
	held := heldBy(t, p)
	disk.away.Lock()
	back := false
	t.Cleanup(func() {
		if !back {
			disk.away.Unlock()
		}
	})
	goesOn(t, p, held) // it has to write its sessions into the pidfile
	p.signal(syscall.SIGUSR2)
	p.syslog.await(t, ".*upgrade failed.*pidfile .*: the file system does not respond")
	goesOn(t, p, held)
	disk.away.Unlock()
	back = true
	master := p.ctlJSON("status").Status.PID
	await(t, "the pidfile to be the master's", normalWait, func() bool {
		first, _, _ := strings.Cut(disk.content("pid"), "\n")
		return first == strconv.Itoa(master)
	})
	if err := held(); err != nil {
		t.Errorf("the held session: %v", err)
	}
}
