// Tests of pidfiles and control sockets that disappear and come back.

package resource

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// ownsPidfile waits until the pidfile's first line is a live master other than
// this one, and a second plug is refused because of it.
func ownsPidfile(p *harness.Plug, path string, before int) {
	p.T.Helper()
	harness.Await(p.T, "the pidfile to name the new master", harness.NormalWait, func() bool {
		pids, err := harness.ReadPidfile(path)
		if err != nil || pids[0] == before || !harness.IsOf(pids[0], p.Bin) {
			return false
		}
		p.Master = pids[0]
		return true
	})
	q := harness.Prepare(p.T, "prefork", "-n", "-P", path, "127.0.0.1:1")
	q.Launch()
	held, full := fmt.Sprintf("held by process %d", p.Master), "No space left on device"
	if code := q.Wait(harness.ServeBound); code != 4 || !strings.Contains(q.Errors(), held) && !strings.Contains(q.Errors(), full) {
		p.T.Errorf("a second plug with the pidfile: status %d, %s", code, q.Errors())
	}
}

// upgradeUnseen upgrades the plug while the pidfile does not show it.
func upgradeUnseen(p *harness.Plug) {
	p.T.Helper()
	before := len(p.Said(harness.SaidUpgraded))
	p.Signal(syscall.SIGUSR2)
	harness.Await(p.T, "the upgrade", harness.UpgradeBound, func() bool { return len(p.Said(harness.SaidUpgraded)) > before })
}

// If a pidfile's directory is missing at an upgrade, the pidfile comes back
// with the directory, or in a new one at the same path.
func TestPidfileComesBackAfterUpgrade(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		run := filepath.Join(harness.OpenDir(t), "run")
		if err := os.Mkdir(run, 0o755); err != nil {
			t.Fatal(err)
		}
		p := harness.Upgradable(t, mode, harness.ThisVersion, "-P", filepath.Join(run, "pid"), target.Addr())
		p.Pidfile = filepath.Join(run, "pid")
		p.Foreground()
		for name, back := range map[string]func() error{
			"the same directory": func() error { return os.Rename(run+".away", run) },
			"a new directory":    func() error { return os.Mkdir(run, 0o755) },
		} {
			before := p.Master
			if err := os.Rename(run, run+".away"); err != nil {
				t.Fatal(err)
			}
			upgradeUnseen(p)
			if err := back(); err != nil {
				t.Fatal(err)
			}
			ownsPidfile(p, p.Pidfile, before)
			os.RemoveAll(run + ".away")
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

// On a full disk the pidfile names the new master in its first line.
func TestPidfileOnFullDiskAfterUpgrade(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfMounts) {
		return
	}
	for _, mode := range []string{"prefork", "pool"} {
		t.Run(mode, func(t *testing.T) {
			dir := harness.OpenDir(t)
			small(t)(dir)
			p := harness.Upgradable(t, mode, harness.ThisVersion, "-P", filepath.Join(dir, "pid"), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
			p.Pidfile = filepath.Join(dir, "pid")
			p.Foreground()
			harness.Hold(t, p, 5)
			f := filler{t: t, path: filepath.Join(dir, "fill")}
			f.fill()
			before := p.Master
			upgradeUnseen(p)
			ownsPidfile(p, p.Pidfile, before)
		})
	}
}

// If a pidfile is a link, and the link is changed, the pidfile moves, while
// the plug serves and through upgrades; the file at the old place disappears.
func TestPidfileFollowsItsLink(t *testing.T) {
	t.Parallel()
	dir := harness.OpenDir(t)
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
	p := harness.Upgradable(t, "prefork", harness.ThisVersion, "-P", link, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Pidfile = link
	p.Foreground()
	gone := func(path string) {
		t.Helper()
		harness.Await(t, "the old pidfile to go", harness.NormalWait, func() bool { _, err := os.Stat(path); return os.IsNotExist(err) })
	}
	next := to("b")
	ownsPidfile(p, next, 0)
	gone(old)
	before := p.Master
	last := to("c")
	upgradeUnseen(p)
	ownsPidfile(p, last, before)
	gone(next)
}

// If a control socket's file is removed, it is made again, also by a new
// master after an upgrade.
func TestControlSocketComesBack(t *testing.T) {
	t.Parallel()
	p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	back := func() {
		t.Helper()
		harness.Await(t, "the control socket to come back", harness.NormalWait, func() bool {
			r, err := p.Tries("status", nil)
			return err == nil && r.Status != nil && r.Status.PID == p.Master
		})
	}
	back()
	os.Remove(p.Ctl())
	back()
	os.Remove(p.Ctl())
	p.Upgrade(harness.NextVersion)
	back()
}
