// Tests of pidfiles and control sockets that disappear and come back.

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ownsPidfile waits until the pidfile's first line is a live master other than
// this one, and a second plug is refused because of it.
func (p *plug) ownsPidfile(path string, before int) {
	p.t.Helper()
	await(p.t, "the pidfile to name the new master", normalWait, func() bool {
		pids, err := readPidfile(path)
		if err != nil || pids[0] == before || !isOf(pids[0], p.bin) {
			return false
		}
		p.master = pids[0]
		return true
	})
	q := prepare(p.t, "prefork", "-n", "-P", path, "127.0.0.1:1")
	q.launch()
	held, full := fmt.Sprintf("held by process %d", p.master), "No space left on device"
	if code := q.wait(serveBound); code != 4 || !strings.Contains(q.errors(), held) && !strings.Contains(q.errors(), full) {
		p.t.Errorf("a second plug with the pidfile: status %d, %s", code, q.errors())
	}
}

// upgradeUnseen upgrades the plug while the pidfile does not show it.
func (p *plug) upgradeUnseen() {
	p.t.Helper()
	before := len(p.said(saidUpgraded))
	p.signal(syscall.SIGUSR2)
	await(p.t, "the upgrade", upgradeBound, func() bool { return len(p.said(saidUpgraded)) > before })
}

// If a pidfile's directory is missing at an upgrade, the pidfile comes back
// with the directory, or in a new one at the same path.
func TestPidfileComesBackAfterUpgrade(t *testing.T) {
	target := serve(t, anywhere, echo)
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		run := filepath.Join(openDir(t), "run")
		if err := os.Mkdir(run, 0o755); err != nil {
			t.Fatal(err)
		}
		p := upgradable(t, mode, thisOne, "-P", filepath.Join(run, "pid"), target.addr())
		p.pidfile = filepath.Join(run, "pid")
		p.foreground()
		for name, back := range map[string]func() error{
			"the same directory": func() error { return os.Rename(run+".away", run) },
			"a new directory":    func() error { return os.Mkdir(run, 0o755) },
		} {
			before := p.master
			if err := os.Rename(run, run+".away"); err != nil {
				t.Fatal(err)
			}
			p.upgradeUnseen()
			if err := back(); err != nil {
				t.Fatal(err)
			}
			p.ownsPidfile(p.pidfile, before)
			os.RemoveAll(run + ".away")
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

// On a full disk the pidfile names the new master in its first line.
func TestPidfileOnFullDiskAfterUpgrade(t *testing.T) {
	if !enter(t, ofMounts) {
		return
	}
	for _, mode := range []string{"prefork", "pool"} {
		t.Run(mode, func(t *testing.T) {
			dir := openDir(t)
			small(t)(dir)
			p := upgradable(t, mode, thisOne, "-P", filepath.Join(dir, "pid"), serve(t, anywhere, echo).addr())
			p.pidfile = filepath.Join(dir, "pid")
			p.foreground()
			hold(t, p, 5)
			f := filler{t: t, path: filepath.Join(dir, "fill")}
			f.fill()
			before := p.master
			p.upgradeUnseen()
			p.ownsPidfile(p.pidfile, before)
		})
	}
}

// If a pidfile is a link, and the link is changed, the pidfile moves, while
// the plug serves and through upgrades; the file at the old place disappears.
func TestPidfileFollowsItsLink(t *testing.T) {
	dir := openDir(t)
	link := filepath.Join(dir, "link")
	to := func(name string) string {
		place := filepath.Join(dir, name)
		os.Mkdir(place, 0o755)
		os.Remove(link)
		if err := os.Symlink(filepath.Join(place, "pid"), link); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(place, "pid")
	}
	old := to("a")
	p := upgradable(t, "prefork", thisOne, "-P", link, serve(t, anywhere, echo).addr())
	p.pidfile = link
	p.foreground()
	gone := func(path string) {
		t.Helper()
		await(t, "the old pidfile to go", normalWait, func() bool { _, err := os.Stat(path); return os.IsNotExist(err) })
	}
	next := to("b")
	p.ownsPidfile(next, 0)
	gone(old)
	before := p.master
	last := to("c")
	p.upgradeUnseen()
	p.ownsPidfile(last, before)
	gone(next)
}

// If a control socket's file is removed, it is made again, also by a new
// master after an upgrade.
func TestControlSocketComesBack(t *testing.T) {
	p := startUpgradable(t, "prefork", thisOne, withControl(serve(t, anywhere, echo).addr())...)
	back := func() {
		t.Helper()
		await(t, "the control socket to come back", normalWait, func() bool {
			r, err := p.tries("status", nil)
			return err == nil && r.Status != nil && r.Status.PID == p.master
		})
	}
	back()
	os.Remove(p.ctl())
	back()
	os.Remove(p.ctl())
	p.upgrade(nextOne)
	back()
}
