// A test of an upgrade while the pidfile's disk hangs.

package upgrade

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// If the disk of the pidfile hangs during an upgrade, nothing is delayed: one
// of the masters serves, and has the pidfile when the disk is back.
func TestUpgradeWithHangingPidfile(t *testing.T) {
	t.Parallel()
	disk := harness.MountFuse(t)
	p := harness.Prepare(t, "prefork", harness.WithControl("-P", disk.Dir+"/pid", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Pidfile = disk.Dir + "/pid"
	p.Detach()
	held := harness.HeldBy(t, p)
	disk.Leave()
	t.Cleanup(disk.Return)
	harness.GoesOn(t, p, held) // it has to write its sessions into the pidfile
	p.Signal(syscall.SIGUSR2)
	p.Syslog.Await(t, ".*upgrade failed.*pidfile .*: the file system does not respond")
	harness.GoesOn(t, p, held)
	disk.Return()
	master := p.CtlJSON("status").Status.PID
	harness.Await(t, "the pidfile to be the master's", harness.NormalWait, func() bool {
		first, _, _ := strings.Cut(disk.Content("pid"), "\n")
		return first == strconv.Itoa(master)
	})
	if err := held(); err != nil {
		t.Errorf("the held session: %v", err)
	}
}
