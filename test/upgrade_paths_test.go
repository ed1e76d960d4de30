// Upgrade tests: which program an upgrade starts, and what it passes on.

package test

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
)

// An upgrade starts the program at the path with which the plug was started,
// in whatever form and from whatever directory that was given.
func TestUpgradePaths(t *testing.T) {
	for _, c := range []struct {
		name   string
		launch func(p *plug) func(*exec.Cmd)
		before func(t *testing.T, p *plug) // called before the upgrades
	}{
		{"relative", func(p *plug) func(*exec.Cmd) {
			return func(c *exec.Cmd) { c.Path, c.Args[0] = "./plug", "./plug" }
		}, nil},
		{"relative, from a subdirectory", func(p *plug) func(*exec.Cmd) {
			return func(c *exec.Cmd) {
				c.Dir, c.Path, c.Args[0] = filepath.Join(p.dir, "below"), "../plug", "../plug"
			}
		}, nil},
		{"found in PATH", func(p *plug) func(*exec.Cmd) {
			return func(c *exec.Cmd) { c.Args[0], c.Env = "plug", append(os.Environ(), "PATH="+p.dir+":/bin") }
		}, nil},
		{"working directory deleted", inBelow, func(t *testing.T, p *plug) { os.RemoveAll(filepath.Join(p.dir, "below")) }},
		{"working directory replaced", inBelow, func(t *testing.T, p *plug) {
			os.RemoveAll(filepath.Join(p.dir, "below"))
			os.Mkdir(filepath.Join(p.dir, "below"), 0o755)
		}},
		{"deleted, then restored", inBelow, func(t *testing.T, p *plug) {
			os.Remove(p.bin)
			if why := p.failsToUpgrade(5 * time.Second); !strings.Contains(why, "no such file") {
				t.Errorf("without a file the log says %q", why)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := upgradable(t, mode, thisOne, "-n", serve(t, anywhere, echo).addr())
				if err := os.Mkdir(filepath.Join(p.dir, "below"), 0o755); err != nil {
					t.Fatal(err)
				}
				p.launch(c.launch(p))
				await(t, "the plug to serve", serveBound, p.serves)
				held := hold(t, p, 2)
				for _, version := range []string{nextOne, thisOne, nextOne} {
					if c.before != nil {
						c.before(t, p)
					}
					p.upgrade(version)
					for _, c := range held {
						mustPing(t, c)
					}
					fresh := dial(t, p.addr())
					mustPing(t, fresh)
					if pid := p.carriersOf([]*net.TCPConn{fresh})[0]; versionOf(t, pid) != version {
						t.Errorf("the session after the upgrade is carried by %q, not by %s", versionOf(t, pid), version)
					}
					finish(fresh)
				}
			}, someModes(len(c.name))...)
		})
	}
}

func inBelow(p *plug) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Dir = filepath.Join(p.dir, "below") }
}

// If the path is a link, each upgrade follows it again: releases/A, releases/B
// and a link that is switched.
func TestUpgradeFollowsLink(t *testing.T) {
	t.Parallel()
	p := upgradable(t, "prefork", thisOne, "-n", serve(t, anywhere, echo).addr())
	link := filepath.Join(p.dir, "current")
	release := map[string]string{}
	for _, version := range []string{thisOne, nextOne} {
		release[version] = filepath.Join(p.dir, "plug-"+version)
		if err := os.Link(stampedWith(t, version), release[version]); err != nil {
			t.Skip(err)
		}
	}
	point := func(version string) {
		os.Remove(link)
		if err := os.Symlink(release[version], link); err != nil {
			t.Fatal(err)
		}
		p.bin = release[version]
	}
	point(thisOne)
	p.launch(func(c *exec.Cmd) { c.Path, c.Args[0] = link, link })
	await(t, "the plug to serve", serveBound, p.serves)
	for _, version := range []string{nextOne, thisOne, nextOne} {
		old := p.master
		point(version)
		p.signal(syscall.SIGUSR2)
		await(t, "the release that the link names now", upgradeBound, func() bool { return p.pids()[0] != old && p.serves() })
		c := dial(t, p.addr())
		mustPing(t, c)
		finish(c)
	}
	// The shepherd runs the first program.
	p.signal(syscall.SIGTERM)
	if code := p.wait(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The means of the handover stay between the masters: workers have after
// upgrades exactly what they have without, in descriptors and environment, and
// so has the master.
func TestUpgradeLeaksNothingToWorkers(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := upgradable(t, mode, thisOne, append(sparesArgs(mode, 2), serve(t, anywhere, echo).addr())...)
		// In the foreground stdout and stderr are the workers' too.
		i := slices.Index(p.args, "-d")
		p.args = slices.Delete(p.args, i, i+1)
		p.detach()
		want := environment(p.spares(2)[0].pid)
		open := len(descriptors(p.master))
		for i := range 4 {
			p.upgrade([]string{nextOne, thisOne}[i%2])
			p.spares(2)
			if i == 2 { // a second attempt of the same master works differently
				p.impostor(script{Until: "ready", Then: "exit"})
				p.signal(syscall.SIGUSR2)
				p.syslog.await(t, `.*: upgrade failed; nothing has changed.*`)
			}
		}
		var faults []string
		holdsWithin(shortWait, func() bool {
			faults = nil
			for _, w := range p.spares(2) {
				faults = append(faults, undue(p, w, true)...)
			}
			return len(faults) == 0
		})
		if len(faults) > 0 {
			t.Errorf("workers: %s", strings.Join(faults, ", "))
		}
		for _, w := range p.spares(2) {
			if env := environment(w.pid); !slices.Equal(env, want) {
				t.Errorf("worker %d: %q, want %q", w.pid, env, want)
			}
		}
		names := map[string]int{}
		for _, e := range environment(p.master) {
			name, _, _ := strings.Cut(e, "=")
			if names[name]++; names[name] > 1 {
				t.Errorf("the master's environment has %s %d times", name, names[name])
			}
		}
		// A descriptor that tableflip keeps, and its pipe to the previous
		// master.
		if !holdsWithin(shortWait, func() bool { return len(descriptors(p.master)) <= open+2 }) {
			t.Errorf("the first master had %d descriptors, this one has %v", open, descriptors(p.master))
		}
	})
}

// The log and /proc/PID/exe show the version, and no process ran the new one
// before its master was ready to.
func TestUpgradeRunsTheNewBinary(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, thisOne, serve(t, anywhere, echo).addr())
		held := hold(t, p, 3)
		before := p.carriersOf(held)
		p.upgrade(nextOne)
		await(t, "the log to tell the new version", normalWait, func() bool { return len(p.said(saidUpgraded+`version=B `)) > 0 })
		if lines := p.said(saidUpgraded); len(lines) != 1 {
			t.Errorf("the log tells of upgrades: %q, expected one", lines)
		}
		for i, pid := range p.carriersOf(held) {
			if pid != before[i] || versionOf(t, pid) != thisOne {
				t.Errorf("held session %d is carried by %d, which runs %q; was %d", i, pid, versionOf(t, pid), before[i])
			}
		}
		for range 20 {
			c := dial(t, p.addr())
			mustPing(t, c)
			if pid := p.carriersOf([]*net.TCPConn{c})[0]; versionOf(t, pid) != nextOne {
				t.Errorf("a session after the upgrade is carried by %d, which runs %q", pid, versionOf(t, pid))
			}
			finish(c)
		}
		p.lines(20)
		if title := title(p.master); !strings.HasPrefix(title, fmt.Sprintf("plug: master %d", p.port)) {
			t.Errorf("the new master's title is %q", title)
		}
		if q, _ := readProcess(p.master); q.comm != "plug" {
			t.Errorf("the new master's name is %q", q.comm)
		}
	})
}
