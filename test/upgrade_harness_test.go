// Upgrade tests: installing a binary, upgrading, and what the log says.

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// upgradeBound is the maximum time of an upgrade: the 10 s that a new master
// has, and what follows.
const upgradeBound = 15 * time.Second

// upgradable prepares a plug that runs a stamped binary and logs its upgrades
// on stderr.
func upgradable(t testing.TB, mode, version string, args ...string) *plug {
	t.Helper()
	p := prepare(t, mode, append(args, "-d")...)
	p.install(stampedWith(t, version))
	p.tellUpgrades()
	return p
}

// startUpgradable is upgradable, serving in the foreground.
func startUpgradable(t testing.TB, mode, version string, args ...string) *plug {
	t.Helper()
	p := upgradable(t, mode, version, args...)
	p.foreground()
	return p
}

// install puts a file at the plug's path, like a package manager: a new inode
// gets the old one's name.
func (p *plug) install(from string) {
	p.t.Helper()
	fresh := filepath.Join(p.dir, "plug.new")
	if err := os.Link(from, fresh); err != nil {
		if err := copyFile(from, fresh); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Rename(fresh, p.bin); err != nil {
		p.t.Fatal(err)
	}
	os.Remove(fresh) // rename(2) between two links of one inode does nothing
}

// write puts a file with this content at the plug's path.
func (p *plug) write(content string, mode os.FileMode) {
	p.t.Helper()
	fresh := filepath.Join(p.dir, "plug.new")
	if err := os.WriteFile(fresh, []byte(content), mode); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(fresh, p.bin); err != nil {
		p.t.Fatal(err)
	}
}

// runs reports whether pid runs this very file, whatever its name is now.
func runs(pid int, binary string) bool {
	is, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return false
	}
	want, err := os.Stat(binary)
	return err == nil && os.SameFile(is, want)
}

// versionOf is the stamp of the program that pid runs; "" if pid has ended in
// the meantime.
func versionOf(t testing.TB, pid int) string {
	for _, v := range []string{thisOne, nextOne, older} {
		if runs(pid, stampedWith(t, v)) {
			return v
		}
	}
	return ""
}

// upgrade replaces the plug with a stamped binary, and returns the time from
// the signal until the pidfile named the new master.
func (p *plug) upgrade(version string) time.Duration {
	p.t.Helper()
	p.install(stampedWith(p.t, version))
	began := time.Now()
	p.signal(syscall.SIGUSR2)
	p.replaced(version)
	return time.Since(began)
}

// replaced waits until the plug has a new master that runs the stamped binary,
// and the old one has gone.
func (p *plug) replaced(version string) {
	p.t.Helper()
	p.succeeded()
	if got := versionOf(p.t, p.master); got != version {
		p.t.Fatalf("the new master %d runs %q, not %s", p.master, got, version)
	}
}

// succeeded waits until the plug has a new master, and the old one has gone.
func (p *plug) succeeded() {
	p.t.Helper()
	old := p.master
	await(p.t, fmt.Sprintf("a new master instead of %d", old), upgradeBound, func() bool {
		pids, err := readPidfile(p.pidfile)
		if err != nil {
			p.t.Fatal(err)
		}
		if pids[0] == old {
			return false
		}
		p.master = pids[0]
		return true
	})
	await(p.t, fmt.Sprintf("the end of the old master %d", old), normalWait, func() bool { return !isOf(old, p.bin) })
}

// said returns the lines of the log, on stderr, that match.
func (p *plug) said(pattern string) (lines []string) {
	re := regexp.MustCompile(pattern)
	for line := range strings.Lines(p.errors()) {
		if re.MatchString(line) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

const (
	saidUpgraded = `\[INFO\]  plug: upgraded: `
	saidFailed   = `\[ERROR\] plug: upgrade failed; nothing has changed: `
)

// failsToUpgrade sends USR2, waits until the upgrade has failed, and returns
// the reason in the log.
func (p *plug) failsToUpgrade(bound time.Duration) string {
	p.t.Helper()
	before := len(p.said(saidFailed))
	p.signal(syscall.SIGUSR2)
	return p.hasFailed(before, bound)
}

// hasFailed waits for one more failed upgrade in the log than before.
func (p *plug) hasFailed(before int, bound time.Duration) string {
	p.t.Helper()
	var lines []string
	await(p.t, "an upgrade to fail", bound, func() bool {
		lines = p.said(saidFailed)
		return len(lines) > before
	})
	_, reason, _ := strings.Cut(lines[before], "reason=")
	return reason
}

// tellUpgrades puts the log lines about upgrades into a failed test's log: the
// others, of thousands of sessions, would hide them.
func (p *plug) tellUpgrades() {
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("upgrades in the log:\n%s", strings.Join(last(p.said(`plug: (upgrade|adopt|pidfile|serving)|\[(WARN|ERROR)\]`), 30), "\n"))
		}
	})
}
