// A test of a new master that refuses its command line.

package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// If a new master refuses its command line, the old one's log has the reason:
// here, the user of the workers has been removed since the start. This holds
// for the first upgrade and for later ones, which start the program in another
// way.
func TestUpgradeIsRefused(t *testing.T) {
	if !enter(t, ofMounts) {
		return
	}
	accounts := filepath.Join(openDir(t), "passwd")
	before := readString("/etc/passwd")
	write := func(text string) {
		if err := os.WriteFile(accounts, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const user = "plugtester:x:61234:61234::/:/bin/false\n"
	write(before + user)
	if err := unix.Mount(accounts, "/etc/passwd", "", unix.MS_BIND, ""); err != nil {
		t.Skipf("a passwd of its own: %v", err)
	}
	p := startUpgradable(t, "prefork", thisOne, "--user", "plugtester", serve(t, anywhere, echo).addr())
	held := hold(t, p, 1)
	for range 2 {
		write(before)
		if why := p.failsToUpgrade(upgradeBound); !strings.Contains(why, "--user") || !strings.Contains(why, "plugtester") {
			t.Errorf("the log says %s, not what the new master refused", why)
		}
		write(before + user)
		p.upgrade(nextOne)
		p.upgrade(thisOne)
	}
	mustPing(t, held[0])
}
