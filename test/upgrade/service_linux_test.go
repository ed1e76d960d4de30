// Upgrade tests under supervisors: PID 1, runsv, none.

package upgrade

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// roundsOfService is how many upgrades each supervisor sees.
const roundsOfService = 5

// pidInside is a process's PID in its namespace. The PIDs in the pidfile are those
// inside.
func pidInside(pid int) string {
	f := strings.Fields(harness.ProcStatus(fmt.Sprintf("/proc/%d", pid))["NSpid"])
	return harness.Last(append([]string{""}, f...), 1)[0]
}

// firstLine is the first line of the pidfile.
func firstLine(p *harness.Plug) string {
	line, _, _ := strings.Cut(harness.ReadString(p.Pidfile), "\n")
	return line
}

// masterInside is the master that the pidfile names, if it is not PID 1.
func masterInside(p *harness.Plug) harness.Process {
	for _, q := range mastersOf(p) {
		if in := pidInside(q.PID); in == firstLine(p) && in != "1" {
			return q
		}
	}
	return harness.Process{}
}

// As PID 1 of a container: the watched process stays, reaps its orphans, and
// ends everything with the service's status.
func TestUpgradeAsPID1(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	unshare := harness.Program(t, "unshare")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Upgradable(t, mode, harness.ThisVersion, "-n", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		p.Launch(func(c *exec.Cmd) {
			c.Args = append([]string{unshare, "--pid", "--fork", "--kill-child", "--mount-proc", p.Bin}, c.Args[1:]...)
			c.Path = unshare
		})
		first, master := func() string { return firstLine(p) }, func() harness.Process { return masterInside(p) }
		harness.Await(t, "the plug to serve in a PID namespace", harness.ServeBound, func() bool { return harness.Opened(p.Port) && master().PID != 0 })
		var one harness.Process
		for _, q := range mastersOf(p) {
			if pidInside(q.PID) == "1" {
				one = q
			}
		}
		if one.PID == 0 {
			t.Fatalf("nobody is PID 1: %v", mastersOf(p))
		}
		held := holdStreams(t, p, 5)
		for i := range roundsOfService {
			version := []string{harness.NextVersion, harness.ThisVersion}[i%2]
			p.Install(harness.Stamped(t, version))
			old := first()
			syscall.Kill(one.PID, syscall.SIGUSR2)
			harness.Await(t, "a new master inside", harness.UpgradeBound, func() bool {
				m := master()
				return first() != old && m.PID != 0 && harness.Runs(m.PID, harness.Stamped(t, version))
			})
			harness.Await(t, "the old master's end", harness.NormalWait, func() bool { return len(mastersOf(p)) == 2 })
			if q, err := harness.ReadProcess(one.PID); err != nil || q.Start != one.Start {
				t.Fatalf("PID 1 has ended: %v", err)
			}
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		// If a session's process loses its master, its only other parent is
		// PID 1.
		harness.Await(t, "zombies to be reaped", harness.NormalWait, func() bool { return len(harness.Zombies(one.PID, master().PID)) == 0 })
		if err := held.end(); err != nil {
			t.Error(err)
		}
		p.Lines(5 + roundsOfService)
		syscall.Kill(one.PID, syscall.SIGTERM)
		if code := p.Wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.Gone(5 * time.Second)
		if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) {
			t.Errorf("the pidfile is still there: %v", err)
		}
	})
}

// runsvService makes a service directory that runs a prepared plug.
func runsvService(t *testing.T, p *harness.Plug) string {
	t.Helper()
	service := filepath.Join(p.Dir, "service")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(service, 0o755))
	quoted := []string{p.Bin}
	for _, a := range p.Args {
		quoted = append(quoted, "'"+a+"'")
	}
	must(os.WriteFile(filepath.Join(service, "run"), []byte("#!/bin/sh\nexec "+strings.Join(quoted, " ")+" 2>>"+p.Stderr+"\n"), 0o755))
	must(os.WriteFile(filepath.Join(service, "finish"), []byte("#!/bin/sh\necho \"$1 $2\" >>"+p.Dir+"/finish\n"), 0o755))
	return service
}

// Under runsv of runit: the PID that it watches stays the same, sv's commands
// reach the current master, and its end is the service's end.
func TestUpgradeUnderRunsv(t *testing.T) {
	t.Parallel()
	runsv, sv := harness.Program(t, "runsv"), harness.Program(t, "sv")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Upgradable(t, mode, harness.ThisVersion, "-n", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		service := runsvService(t, p)
		p.Launch(func(c *exec.Cmd) { c.Path, c.Args = runsv, []string{"runsv", service} })
		do := func(command string) string {
			t.Helper()
			out, err := exec.Command(sv, "-w", "10", command, service).CombinedOutput()
			if err != nil {
				t.Fatalf("sv %v: %v: %s", command, err, out)
			}
			return string(out)
		}
		t.Cleanup(func() {
			if !p.HasExited() {
				exec.Command(sv, "-w", "10", "force-shutdown", service).Run()
			}
		})
		harness.Await(t, "the plug to serve under runsv", harness.ServeBound, p.Serves)
		watched, err := strconv.Atoi(strings.TrimSpace(harness.ReadString(service + "/supervise/pid")))
		q, err2 := harness.ReadProcess(watched)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		held := holdStreams(t, p, 5)
		for i := range roundsOfService {
			version := []string{harness.NextVersion, harness.ThisVersion}[i%2]
			p.Install(harness.Stamped(t, version))
			do("2") // USR2
			p.Replaced(version)
			if now := strings.TrimSpace(harness.ReadString(service + "/supervise/pid")); now != strconv.Itoa(watched) {
				t.Fatalf("runsv watches %s, was %d", now, watched)
			}
			if r, err := harness.ReadProcess(watched); err != nil || r.Start != q.Start {
				t.Fatalf("the watched process has ended: %v", err)
			}
			harness.ShortSession(t, p)
		}
		if state := do("status"); !strings.HasPrefix(state, "run: ") {
			t.Errorf("sv status: %s", state)
		}
		harness.Await(t, "zombies to be reaped", harness.NormalWait, func() bool { return len(harness.Zombies(watched, p.Master)) == 0 })
		if err := held.end(); err != nil {
			t.Error(err)
		}
		p.Lines(5 + roundsOfService)
		do("down")
		harness.Await(t, "the service's status", harness.NormalWait, func() bool { return harness.ReadString(p.Dir+"/finish") != "" })
		if got := harness.ReadString(p.Dir + "/finish"); got != "0 0\n" {
			t.Errorf("the service ended with %q, not once with 0", got)
		}
		p.Gone(5 * time.Second)
		do("exit")
		p.Wait(5 * time.Second)
		p.Cmd = nil
	})
}

// As a daemon without a supervisor: a new master is not a child of the test, is
// in the session of the first one, and is in line 1 of the pidfile when the old
// one has gone.
func TestUpgradeOfDaemon(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Prepare(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		p.Install(harness.Stamped(t, harness.ThisVersion))
		p.Detach()
		held := holdStreams(t, p, 5)
		held.carried(p)
		before, err := harness.ReadProcess(p.Master)
		if err != nil {
			t.Fatal(err)
		}
		for i := range roundsOfService {
			p.Upgrade([]string{harness.NextVersion, harness.ThisVersion}[i%2])
			q, err := harness.ReadProcess(p.Master)
			if err != nil || q.Session != before.Session || q.PPID == os.Getpid() {
				t.Errorf("new master %v, session %d, the first one's was %d (%v)", q, q.Session, before.Session, err)
			}
			for fd := range 3 {
				if is := harness.Descriptors(p.Master)[fd]; is != "/dev/null" {
					t.Errorf("descriptor %d of the new master is %s", fd, is)
				}
			}
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			harness.Finish(c)
			if len(mastersOf(p)) != 1 {
				t.Errorf("masters: %v", mastersOf(p))
			}
		}
		// A worker that has just ended is a zombie until its master has
		// handled it.
		harness.Await(t, "zombies to be reaped", harness.NormalWait, func() bool { return len(harness.Zombies(p.Master)) == 0 })
		if err := held.end(); err != nil {
			t.Error(err)
		}
		if err := held.recorded(p.Lines(5 + roundsOfService)); err != nil {
			t.Error(err)
		}
		if p.Errors() != "" {
			t.Errorf("stderr: %s", p.Errors())
		}
		p.Signal(syscall.SIGTERM)
		p.Freed()
		p.Gone(5 * time.Second)
	})
}
