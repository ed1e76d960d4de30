//go:build linux

// Tests of stopped workers and waiting clients after the master's death.

package chaos

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A stopped worker of a killed master holds the port and does not notice: the
// new start says which process has it.
//
// Usually the kernel prevents this: a stopped process group without a process
// in its session that could continue it gets SIGHUP and SIGCONT (setpgid(2)).
// It does not if the orphans are adopted by a process of the same session, as
// with a shell as PID 1 of a container; this test arranges that.
func TestChaosStoppedWorkerHoldsPort(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		adoptOrphans(t)
		p := harness.Start(t, mode, append(harness.SparesArgs(mode, 3), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		stopped := p.ReadySpares(3)[1].PID
		harness.StopProcess(t, stopped)
		syscall.Kill(p.Master, syscall.SIGKILL)
		p.Wait(5 * time.Second) // the shepherd has nothing left to do
		harness.Await(t, "the end of the other spares", harness.NormalWait, func() bool { return len(p.Procs()) == 1 })

		p.Launch()
		if code := p.Wait(harness.ServeBound); code != 4 {
			t.Fatalf("with a stopped worker on the port the start exits with %d: %s", code, p.Errors())
		}
		if want := fmt.Sprintf("held by PID %d\n", stopped); !strings.HasSuffix(p.Errors(), want) {
			t.Errorf("stderr %q does not end with %q", p.Errors(), want)
		}
		syscall.Kill(stopped, syscall.SIGCONT)
		harness.Await(t, "the stopped worker's end", harness.NormalWait, func() bool { return !harness.IsOf(stopped, p.Bin) })
		p.Relaunch()
		harness.MustPing(t, harness.Dial(t, p.Addr()))
	})
}

// If the master of a daemon is killed, the kernel continues a stopped worker,
// which notices that it has no master, and frees the port.
func TestChaosStoppedWorkerOfDaemon(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartDaemon(t, mode, append(harness.SparesArgs(mode, 3), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		harness.StopProcess(t, p.ReadySpares(3)[1].PID)
		p.Signal(syscall.SIGKILL)
		p.Gone(5 * time.Second)
		p.Detach()
		harness.MustPing(t, harness.Dial(t, p.Addr()))
	})
}

// Clients that are in the queue when spares notice their master's death are
// served: a worker accepts once more before it leaves the listener. The spares
// are stopped meanwhile, so that they find both events at once, in either
// order.
func TestChaosLastAccept(t *testing.T) {
	t.Parallel()
	n := harness.Scaled(20, 4)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		target := harness.Serve(t, harness.Anywhere, harness.Greet("served")).Addr()
		for i := range n {
			adoptOrphans(t)
			p := harness.Start(t, mode, append(harness.SparesArgs(mode, wakeupSpares), target)...)
			spares := p.ReadySpares(wakeupSpares)
			for _, s := range spares {
				harness.StopProcess(t, s.PID)
			}
			arrive := func() (clients []*net.TCPConn) {
				for range wakeupSpares {
					clients = append(clients, harness.Dial(t, p.Addr()))
				}
				return clients
			}
			var clients []*net.TCPConn
			if i%2 == 0 {
				clients = arrive()
			}
			syscall.Kill(p.Master, syscall.SIGKILL)
			p.Wait(5 * time.Second)
			if i%2 == 1 {
				clients = arrive()
			}
			for _, s := range spares {
				syscall.Kill(s.PID, syscall.SIGCONT)
			}
			for j, c := range clients {
				if name, err := bufio.NewReader(c).ReadString('\n'); err != nil {
					t.Errorf("round %d, client %d in the queue at its master's death: %q, %v", i, j, name, err)
				}
				harness.Finish(c)
			}
			p.Gone(5 * time.Second)
			p.Cmd = nil // its status is not 0
		}
	})
}

// adoptOrphans makes the test the parent of the plugs' orphans (prctl(2)
// PR_SET_CHILD_SUBREAPER), until the test ends.
func adoptOrphans(t testing.TB) {
	t.Helper()
	const prSetChildSubreaper = 36
	set := func(on uintptr) {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, on, 0); errno != 0 {
			t.Fatalf("prctl: %v", errno)
		}
	}
	set(1)
	t.Cleanup(func() {
		set(0)
		// Only those of a plug: others belong to their exec.Cmd.
		for _, z := range harness.Zombies(os.Getpid()) {
			if z.Comm == "plug" {
				syscall.Wait4(z.PID, nil, syscall.WNOHANG, nil)
			}
		}
	})
}
