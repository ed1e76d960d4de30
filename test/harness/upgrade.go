// Upgrade tests: installing a binary, upgrading, and what the log says.

package harness

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

// UpgradeBound is the maximum time of an upgrade: the 10 s that a new master
// has, and what follows.
const UpgradeBound = 15 * time.Second

// Upgradable prepares a plug that runs a stamped binary and logs its upgrades
// on stderr.
func Upgradable(t testing.TB, mode, version string, args ...string) *Plug {
	t.Helper()
	p := Prepare(t, mode, append(args, "-d")...)
	p.Install(Stamped(t, version))
	p.tellUpgrades()
	return p
}

// StartUpgradable is upgradable, serving in the foreground.
func StartUpgradable(t testing.TB, mode, version string, args ...string) *Plug {
	t.Helper()
	p := Upgradable(t, mode, version, args...)
	p.Foreground()
	return p
}

// Install puts a file at the plug's path, like a package manager: a new inode
// gets the old one's name.
func (p *Plug) Install(from string) {
	p.T.Helper()
	fresh := filepath.Join(p.Dir, "plug.new")
	if err := os.Link(from, fresh); err != nil {
		if err := CopyFile(from, fresh); err != nil {
			p.T.Fatal(err)
		}
	}
	if err := os.Rename(fresh, p.Bin); err != nil {
		p.T.Fatal(err)
	}
	os.Remove(fresh) // rename(2) between two links of one inode does nothing
}

// Write puts a file with this content at the plug's path.
func (p *Plug) Write(content string, mode os.FileMode) {
	p.T.Helper()
	fresh := filepath.Join(p.Dir, "plug.new")
	if err := os.WriteFile(fresh, []byte(content), mode); err != nil {
		p.T.Fatal(err)
	}
	if err := os.Rename(fresh, p.Bin); err != nil {
		p.T.Fatal(err)
	}
}

// Runs reports whether pid runs this very file, whatever its name is now.
func Runs(pid int, binary string) bool {
	is, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return false
	}
	want, err := os.Stat(binary)
	return err == nil && os.SameFile(is, want)
}

// VersionOf is the stamp of the program that pid runs; "" if pid has ended in
// the meantime.
func VersionOf(t testing.TB, pid int) string {
	for _, v := range []string{ThisVersion, NextVersion, OlderVersion} {
		if Runs(pid, Stamped(t, v)) {
			return v
		}
	}
	return ""
}

// Upgrade replaces the plug with a stamped binary, and returns the time from
// the signal until the pidfile named the new master.
func (p *Plug) Upgrade(version string) time.Duration {
	p.T.Helper()
	p.Install(Stamped(p.T, version))
	began := time.Now()
	p.Signal(syscall.SIGUSR2)
	p.Replaced(version)
	return time.Since(began)
}

// Replaced waits until the plug has a new master that runs the stamped binary,
// and the old one has gone.
func (p *Plug) Replaced(version string) {
	p.T.Helper()
	p.Succeeded()
	if got := VersionOf(p.T, p.Master); got != version {
		p.T.Fatalf("the new master %d runs %q, not %s", p.Master, got, version)
	}
}

// Succeeded waits until the plug has a new master, and the old one has gone.
func (p *Plug) Succeeded() {
	p.T.Helper()
	old := p.Master
	Await(p.T, fmt.Sprintf("a new master instead of %d", old), UpgradeBound, func() bool {
		pids, err := ReadPidfile(p.Pidfile)
		if err != nil {
			p.T.Fatal(err)
		}
		if pids[0] == old {
			return false
		}
		p.Master = pids[0]
		return true
	})
	Await(p.T, fmt.Sprintf("the end of the old master %d", old), NormalWait, func() bool { return !IsOf(old, p.Bin) })
}

// Said returns the lines of the log, on stderr, that match.
func (p *Plug) Said(pattern string) (lines []string) {
	re := regexp.MustCompile(pattern)
	for line := range strings.Lines(p.Errors()) {
		if re.MatchString(line) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

const (
	SaidUpgraded = `\[INFO\]  plug: upgraded: `
	SaidFailed   = `\[ERROR\] plug: upgrade failed; nothing has changed: `
)

// FailsToUpgrade sends USR2, waits until the upgrade has failed, and returns
// the reason in the log.
func (p *Plug) FailsToUpgrade(bound time.Duration) string {
	p.T.Helper()
	before := len(p.Said(SaidFailed))
	p.Signal(syscall.SIGUSR2)
	return p.hasFailed(before, bound)
}

// hasFailed waits for one more failed upgrade in the log than before.
func (p *Plug) hasFailed(before int, bound time.Duration) string {
	p.T.Helper()
	var lines []string
	Await(p.T, "an upgrade to fail", bound, func() bool {
		lines = p.Said(SaidFailed)
		return len(lines) > before
	})
	_, reason, _ := strings.Cut(lines[before], "reason=")
	return reason
}

// tellUpgrades puts the log lines about upgrades into a failed test's log: the
// others, of thousands of sessions, would hide them.
func (p *Plug) tellUpgrades() {
	p.T.Cleanup(func() {
		if p.T.Failed() {
			p.T.Logf("upgrades in the log:\n%s", strings.Join(Last(p.Said(`plug: (upgrade|adopt|pidfile|serving)|\[(WARN|ERROR)\]`), 30), "\n"))
		}
	})
}
