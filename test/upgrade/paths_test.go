// Upgrade tests: which program an upgrade starts, and what it passes on.

package upgrade

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// An upgrade starts the program at the path with which the plug was started,
// in whatever form and from whatever directory that was given.
func TestUpgradePaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		launch func(p *harness.Plug) func(*exec.Cmd)
		before func(t *testing.T, p *harness.Plug) // called before the upgrades
	}{
		{"relative", func(p *harness.Plug) func(*exec.Cmd) {
			return func(c *exec.Cmd) { c.Path, c.Args[0] = "./plug", "./plug" }
		}, nil},
		{"relative, from a subdirectory", func(p *harness.Plug) func(*exec.Cmd) {
			return func(c *exec.Cmd) {
				c.Dir, c.Path, c.Args[0] = filepath.Join(p.Dir, "below"), "../plug", "../plug"
			}
		}, nil},
		{"found in PATH", func(p *harness.Plug) func(*exec.Cmd) {
			return func(c *exec.Cmd) { c.Args[0], c.Env = "plug", append(os.Environ(), "PATH="+p.Dir+":/bin") }
		}, nil},
		{"working directory deleted", inBelow, func(t *testing.T, p *harness.Plug) { os.RemoveAll(filepath.Join(p.Dir, "below")) }},
		{"working directory replaced", inBelow, func(t *testing.T, p *harness.Plug) {
			os.RemoveAll(filepath.Join(p.Dir, "below"))
			os.Mkdir(filepath.Join(p.Dir, "below"), 0o755)
		}},
		{"deleted, then restored", inBelow, func(t *testing.T, p *harness.Plug) {
			os.Remove(p.Bin)
			if why := p.FailsToUpgrade(5 * time.Second); !strings.Contains(why, "no such file") {
				t.Errorf("without a file the log says %q", why)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := harness.Upgradable(t, mode, harness.ThisVersion, "-n", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
				if err := os.Mkdir(filepath.Join(p.Dir, "below"), 0o755); err != nil {
					t.Fatal(err)
				}
				p.Launch(c.launch(p))
				harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
				held := harness.Hold(t, p, 2)
				for _, version := range []string{harness.NextVersion, harness.ThisVersion, harness.NextVersion} {
					if c.before != nil {
						c.before(t, p)
					}
					p.Upgrade(version)
					for _, c := range held {
						harness.MustPing(t, c)
					}
					fresh := harness.Dial(t, p.Addr())
					harness.MustPing(t, fresh)
					if pid := p.CarriersOf([]*net.TCPConn{fresh})[0]; harness.VersionOf(t, pid) != version {
						t.Errorf("the session after the upgrade is carried by %q, not by %s", harness.VersionOf(t, pid), version)
					}
					harness.Finish(fresh)
				}
			}, someModes(len(c.name))...)
		})
	}
}

func inBelow(p *harness.Plug) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Dir = filepath.Join(p.Dir, "below") }
}

// If the path is a link, each upgrade follows it again: releases/A, releases/B
// and a link that is switched.
func TestUpgradeFollowsLink(t *testing.T) {
	t.Parallel()
	p := harness.Upgradable(t, "prefork", harness.ThisVersion, "-n", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	link := filepath.Join(p.Dir, "current")
	release := map[string]string{}
	for _, version := range []string{harness.ThisVersion, harness.NextVersion} {
		release[version] = filepath.Join(p.Dir, "plug-"+version)
		if err := os.Link(harness.Stamped(t, version), release[version]); err != nil {
			t.Skip(err)
		}
	}
	point := func(version string) {
		os.Remove(link)
		if err := os.Symlink(release[version], link); err != nil {
			t.Fatal(err)
		}
		p.Bin = release[version]
	}
	point(harness.ThisVersion)
	p.Launch(func(c *exec.Cmd) { c.Path, c.Args[0] = link, link })
	harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
	for _, version := range []string{harness.NextVersion, harness.ThisVersion, harness.NextVersion} {
		old := p.Master
		point(version)
		p.Signal(syscall.SIGUSR2)
		harness.Await(t, "the release that the link names now", harness.UpgradeBound, func() bool { return p.PIDs()[0] != old && p.Serves() })
		c := harness.Dial(t, p.Addr())
		harness.MustPing(t, c)
		harness.Finish(c)
	}
	// The shepherd runs the first program.
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The means of the handover stay between the masters: workers have after
// upgrades exactly what they have without, in descriptors and environment, and
// so has the master.
func TestUpgradeLeaksNothingToWorkers(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Upgradable(t, mode, harness.ThisVersion, append(harness.SparesArgs(mode, 2), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		// In the foreground stdout and stderr are the workers' too.
		i := slices.Index(p.Args, "-d")
		p.Args = slices.Delete(p.Args, i, i+1)
		p.Detach()
		want := harness.Environment(p.Spares(2)[0].PID)
		open := len(harness.Descriptors(p.Master))
		for i := range 4 {
			p.Upgrade([]string{harness.NextVersion, harness.ThisVersion}[i%2])
			p.Spares(2)
			if i == 2 { // a second attempt of the same master works differently
				runImpostor(p, script{Until: "ready", Then: "exit"})
				p.Signal(syscall.SIGUSR2)
				p.Syslog.Await(t, `.*: upgrade failed; nothing has changed.*`)
			}
		}
		var faults []string
		harness.HoldsWithin(harness.ShortWait, func() bool {
			faults = nil
			for _, w := range p.Spares(2) {
				faults = append(faults, harness.Undue(p, w, true)...)
			}
			return len(faults) == 0
		})
		if len(faults) > 0 {
			t.Errorf("workers: %s", strings.Join(faults, ", "))
		}
		for _, w := range p.Spares(2) {
			if env := harness.Environment(w.PID); !slices.Equal(env, want) {
				t.Errorf("worker %d: %q, want %q", w.PID, env, want)
			}
		}
		names := map[string]int{}
		for _, e := range harness.Environment(p.Master) {
			name, _, _ := strings.Cut(e, "=")
			if names[name]++; names[name] > 1 {
				t.Errorf("the master's environment has %s %d times", name, names[name])
			}
		}
		// A descriptor that tableflip keeps, and its pipe to the previous
		// master.
		if !harness.HoldsWithin(harness.ShortWait, func() bool { return len(harness.Descriptors(p.Master)) <= open+2 }) {
			t.Errorf("the first master had %d descriptors, this one has %v", open, harness.Descriptors(p.Master))
		}
	})
}

// The log and /proc/PID/exe show the version, and no process ran the new one
// before its master was ready to.
func TestUpgradeRunsTheNewBinary(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 3)
		before := p.CarriersOf(held)
		p.Upgrade(harness.NextVersion)
		harness.Await(t, "the log to tell the new version", harness.NormalWait, func() bool { return len(p.Said(harness.SaidUpgraded+`version=B `)) > 0 })
		if lines := p.Said(harness.SaidUpgraded); len(lines) != 1 {
			t.Errorf("the log tells of upgrades: %q, expected one", lines)
		}
		for i, pid := range p.CarriersOf(held) {
			if pid != before[i] || harness.VersionOf(t, pid) != harness.ThisVersion {
				t.Errorf("held session %d is carried by %d, which runs %q; was %d", i, pid, harness.VersionOf(t, pid), before[i])
			}
		}
		for range 20 {
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			if pid := p.CarriersOf([]*net.TCPConn{c})[0]; harness.VersionOf(t, pid) != harness.NextVersion {
				t.Errorf("a session after the upgrade is carried by %d, which runs %q", pid, harness.VersionOf(t, pid))
			}
			harness.Finish(c)
		}
		p.Lines(20)
		if title := harness.Title(p.Master); !strings.HasPrefix(title, fmt.Sprintf("plug: master %d", p.Port)) {
			t.Errorf("the new master's title is %q", title)
		}
		if q, _ := harness.ReadProcess(p.Master); q.Comm != "plug" {
			t.Errorf("the new master's name is %q", q.Comm)
		}
	})
}
