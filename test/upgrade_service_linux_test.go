// Upgrade tests under supervisors: PID 1, runsv, none.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roundsOfService is how many upgrades each supervisor sees.
const roundsOfService = 5

// As PID 1 of a container: the watched process stays, reaps its orphans, and
// ends everything with the service's status.
func TestUpgradeAsPID1(t *testing.T) {
	needRoot(t)
	unshare := program(t, "unshare")
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := upgradable(t, mode, thisOne, "-n", serve(t, anywhere, echo).addr())
		p.launch(func(c *exec.Cmd) {
			c.Args = append([]string{unshare, "--pid", "--fork", "--kill-child", "--mount-proc", p.bin}, c.Args[1:]...)
			c.Path = unshare
		})
		// The PIDs in the pidfile are those inside.
		inside := func(pid int) string {
			f := strings.Fields(status(fmt.Sprintf("/proc/%d", pid))["NSpid"])
			return last(append([]string{""}, f...), 1)[0]
		}
		first := func() string { line, _, _ := strings.Cut(readString(p.pidfile), "\n"); return line }
		master := func() process {
			for _, q := range p.masters() {
				if in := inside(q.pid); in == first() && in != "1" {
					return q
				}
			}
			return process{}
		}
		await(t, "the plug to serve in a PID namespace", serveBound, func() bool { return opened(p.port) && master().pid != 0 })
		var one process
		for _, q := range p.masters() {
			if inside(q.pid) == "1" {
				one = q
			}
		}
		if one.pid == 0 {
			t.Fatalf("nobody is PID 1: %v", p.masters())
		}
		held := holdStreams(t, p, 5)
		for i := range roundsOfService {
			version := []string{nextOne, thisOne}[i%2]
			p.install(stampedWith(t, version))
			old := first()
			syscall.Kill(one.pid, syscall.SIGUSR2)
			await(t, "a new master inside", upgradeBound, func() bool {
				m := master()
				return first() != old && m.pid != 0 && runs(m.pid, stampedWith(t, version))
			})
			await(t, "the old master's end", normalWait, func() bool { return len(p.masters()) == 2 })
			if q, err := readProcess(one.pid); err != nil || q.start != one.start {
				t.Fatalf("PID 1 has ended: %v", err)
			}
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
		}
		// If a session's process loses its master, its only other parent is
		// PID 1.
		await(t, "zombies to be reaped", normalWait, func() bool { return len(zombies(one.pid, master().pid)) == 0 })
		if err := held.end(); err != nil {
			t.Error(err)
		}
		p.lines(5 + roundsOfService)
		syscall.Kill(one.pid, syscall.SIGTERM)
		if code := p.wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.gone(5 * time.Second)
		if _, err := os.Stat(p.pidfile); !os.IsNotExist(err) {
			t.Errorf("the pidfile is still there: %v", err)
		}
	})
}

// Under runsv of runit: the PID that it watches stays the same, sv's commands
// reach the current master, and its end is the service's end.
func TestUpgradeUnderRunsv(t *testing.T) {
	runsv, sv := program(t, "runsv"), program(t, "sv")
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := upgradable(t, mode, thisOne, "-n", serve(t, anywhere, echo).addr())
		service := filepath.Join(p.dir, "service")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Mkdir(service, 0o755))
		quoted := []string{p.bin}
		for _, a := range p.args {
			quoted = append(quoted, "'"+a+"'")
		}
		must(os.WriteFile(filepath.Join(service, "run"), []byte("#!/bin/sh\nexec "+strings.Join(quoted, " ")+" 2>>"+p.stderr+"\n"), 0o755))
		must(os.WriteFile(filepath.Join(service, "finish"), []byte("#!/bin/sh\necho \"$1 $2\" >>"+p.dir+"/finish\n"), 0o755))
		p.launch(func(c *exec.Cmd) { c.Path, c.Args = runsv, []string{"runsv", service} })
		do := func(command ...string) string {
			t.Helper()
			out, err := exec.Command(sv, append([]string{"-w", "10"}, append(command, service)...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("sv %v: %v: %s", command, err, out)
			}
			return string(out)
		}
		t.Cleanup(func() {
			if !p.hasExited() {
				exec.Command(sv, "-w", "10", "force-shutdown", service).Run()
			}
		})
		await(t, "the plug to serve under runsv", serveBound, p.serves)
		watched, err := strconv.Atoi(strings.TrimSpace(readString(filepath.Join(service, "supervise/pid"))))
		must(err)
		q, err := readProcess(watched)
		must(err)
		held := holdStreams(t, p, 5)
		for i := range roundsOfService {
			version := []string{nextOne, thisOne}[i%2]
			p.install(stampedWith(t, version))
			do("2") // USR2
			p.replaced(version)
			if now := strings.TrimSpace(readString(filepath.Join(service, "supervise/pid"))); now != strconv.Itoa(watched) {
				t.Fatalf("runsv watches %s, was %d", now, watched)
			}
			if r, err := readProcess(watched); err != nil || r.start != q.start {
				t.Fatalf("the watched process has ended: %v", err)
			}
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
		}
		if state := do("status"); !strings.HasPrefix(state, "run: ") {
			t.Errorf("sv status: %s", state)
		}
		await(t, "zombies to be reaped", normalWait, func() bool { return len(zombies(watched, p.master)) == 0 })
		if err := held.end(); err != nil {
			t.Error(err)
		}
		p.lines(5 + roundsOfService)
		do("down")
		await(t, "the service's status", normalWait, func() bool { return readString(p.dir+"/finish") != "" })
		if got := readString(p.dir + "/finish"); got != "0 0\n" {
			t.Errorf("the service ended with %q, not once with 0", got)
		}
		p.gone(5 * time.Second)
		do("exit")
		p.wait(5 * time.Second)
		p.cmd = nil
	})
}

// As a daemon without a supervisor: a new master is not a child of the test, is
// in the session of the first one, and is in line 1 of the pidfile when the old
// one has gone.
func TestUpgradeOfDaemon(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := prepare(t, mode, serve(t, anywhere, echo).addr())
		p.install(stampedWith(t, thisOne))
		p.detach()
		held := holdStreams(t, p, 5)
		held.carried(p)
		before, err := readProcess(p.master)
		if err != nil {
			t.Fatal(err)
		}
		for i := range roundsOfService {
			p.upgrade([]string{nextOne, thisOne}[i%2])
			q, err := readProcess(p.master)
			if err != nil || q.session != before.session || q.ppid == os.Getpid() {
				t.Errorf("new master %v, session %d, the first one's was %d (%v)", q, q.session, before.session, err)
			}
			for fd := range 3 {
				if is := descriptors(p.master)[fd]; is != "/dev/null" {
					t.Errorf("descriptor %d of the new master is %s", fd, is)
				}
			}
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
			if len(p.masters()) != 1 {
				t.Errorf("masters: %v", p.masters())
			}
		}
		// A worker that has just ended is a zombie until its master has
		// handled it.
		await(t, "zombies to be reaped", normalWait, func() bool { return len(zombies(p.master)) == 0 })
		if err := held.end(); err != nil {
			t.Error(err)
		}
		if err := held.recorded(p.lines(5 + roundsOfService)); err != nil {
			t.Error(err)
		}
		if p.errors() != "" {
			t.Errorf("stderr: %s", p.errors())
		}
		p.signal(syscall.SIGTERM)
		p.freed()
		p.gone(5 * time.Second)
	})
}
