// A test of a new master that refuses its command line.

package upgrade

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// If a new master refuses its command line, the old one's log has the reason:
// here, the user of the workers has been removed since the start. This holds
// for the first upgrade and for later ones, which start the program in another
// way.
func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfMounts) {
		return
	}
	accounts := filepath.Join(harness.OpenDir(t), "passwd")
	before := harness.ReadString("/etc/passwd")
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
	p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, "--user", "plugtester", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	held := harness.Hold(t, p, 1)
	for range 2 {
		write(before)
		if why := p.FailsToUpgrade(harness.UpgradeBound); !strings.Contains(why, "--user") || !strings.Contains(why, "plugtester") {
			t.Errorf("the log says %s, not what the new master refused", why)
		}
		write(before + user)
		p.Upgrade(harness.NextVersion)
		p.Upgrade(harness.ThisVersion)
	}
	harness.MustPing(t, held[0])
}
