//go:build linux

// Tests of stopped workers and waiting clients after the master's death.

package test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A stopped worker of a killed master holds the port and does not notice: the
// new start says which process has it.
//
// Usually the kernel prevents this: a stopped process group without a process
// in its session that could continue it gets SIGHUP and SIGCONT (setpgid(2)).
// It does not if the orphans are adopted by a process of the same session, as
// with a shell as PID 1 of a container; this test arranges that.
func TestChaosStoppedWorkerHoldsPort(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		adoptOrphans(t)
		p := start(t, mode, append(sparesArgs(mode, 3), serve(t, anywhere, echo).addr())...)
		stopped := p.readySpares(3)[1].pid
		stopProcess(t, stopped)
		syscall.Kill(p.master, syscall.SIGKILL)
		p.wait(5 * time.Second) // the shepherd has nothing left to do
		await(t, "the end of the other spares", normalWait, func() bool { return len(p.procs()) == 1 })

		p.launch()
		if code := p.wait(serveBound); code != 4 {
			t.Fatalf("with a stopped worker on the port the start exits with %d: %s", code, p.errors())
		}
		if want := fmt.Sprintf("held by PID %d\n", stopped); !strings.HasSuffix(p.errors(), want) {
			t.Errorf("stderr %q does not end with %q", p.errors(), want)
		}
		syscall.Kill(stopped, syscall.SIGCONT)
		await(t, "the stopped worker's end", normalWait, func() bool { return !isOf(stopped, p.bin) })
		p.relaunch()
		mustPing(t, dial(t, p.addr()))
	})
}

// If the master of a daemon is killed, the kernel continues a stopped worker,
// which notices that it has no master, and frees the port.
func TestChaosStoppedWorkerOfDaemon(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		p := startDaemon(t, mode, append(sparesArgs(mode, 3), serve(t, anywhere, echo).addr())...)
		stopProcess(t, p.readySpares(3)[1].pid)
		p.signal(syscall.SIGKILL)
		p.gone(5 * time.Second)
		p.detach()
		mustPing(t, dial(t, p.addr()))
	})
}

// Clients that are in the queue when spares notice their master's death are
// served: a worker accepts once more before it leaves the listener. The spares
// are stopped meanwhile, so that they find both events at once, in either
// order.
func TestChaosLastAccept(t *testing.T) {
	n := scaled(20, 4)
	forEachMode(t, func(t *testing.T, mode string) {
		target := serve(t, anywhere, greet("served")).addr()
		for i := range n {
			adoptOrphans(t)
			p := start(t, mode, append(sparesArgs(mode, wakeupSpares), target)...)
			spares := p.readySpares(wakeupSpares)
			for _, s := range spares {
				stopProcess(t, s.pid)
			}
			arrive := func() (clients []*net.TCPConn) {
				for range wakeupSpares {
					clients = append(clients, dial(t, p.addr()))
				}
				return clients
			}
			var clients []*net.TCPConn
			if i%2 == 0 {
				clients = arrive()
			}
			syscall.Kill(p.master, syscall.SIGKILL)
			p.wait(5 * time.Second)
			if i%2 == 1 {
				clients = arrive()
			}
			for _, s := range spares {
				syscall.Kill(s.pid, syscall.SIGCONT)
			}
			for j, c := range clients {
				if name, err := bufio.NewReader(c).ReadString('\n'); err != nil {
					t.Errorf("round %d, client %d in the queue at its master's death: %q, %v", i, j, name, err)
				}
				finish(c)
			}
			p.gone(5 * time.Second)
			p.cmd = nil // its status is not 0
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
		for _, z := range zombies(os.Getpid()) {
			if z.comm == "plug" {
				syscall.Wait4(z.pid, nil, syscall.WNOHANG, nil)
			}
		}
	})
}
