// A test of a stale pidfile that names another plug's master.

package service

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// A stale pidfile may now name another plug's master. Only its lock counts, so
// neither the init scripts nor plugctl touch that other plug.
func TestStalePidfileOfAnotherPlug(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	other := harness.StartDaemon(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p := harness.Prepare(t, "prefork", "127.0.0.1:1")
	stale := func() {
		if err := os.WriteFile(p.Pidfile, fmt.Appendln(nil, other.Master), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	unharmed := func(t *testing.T) {
		t.Helper()
		if !harness.IsOf(other.Master, other.Bin) || !harness.Opened(other.Port) {
			t.Fatalf("the other plug was stopped: master lives %v, port open %v", harness.IsOf(other.Master, other.Bin), harness.Opened(other.Port))
		}
	}
	const name = "plug-a"
	script := func(t *testing.T, s *system, manager string) {
		text := s.must(append([]string{harness.CtlProgram(t), "service", "install", "--name", name, "--manager", manager, "--dry-run", "--program", p.Bin, "--"}, p.Args...)...)
		s.write("/etc/init.d/"+name, text, 0o755)
		stale()
	}
	t.Run("sysv", func(t *testing.T) {
		s := newSystem(t)
		script(t, s, "sysv")
		for verb, want := range map[string]int{"status": 1, "stop": 0, "reload": 7, "upgrade": 7} {
			if said, got := s.run("/etc/init.d/"+name, verb); got != want {
				t.Errorf("%s: exit status %d, want %d\n%s", verb, got, want, said)
			}
			unharmed(t)
		}
	})
	t.Run("openrc", func(t *testing.T) {
		s := newOpenRC(t)
		script(t, s, "openrc")
		if err := os.Symlink("/etc/init.d/"+name, s.file("/run/openrc/started/"+name)); err != nil {
			t.Fatal(err)
		}
		if said, got := s.run("rc-service", name, "status"); got != 32 {
			t.Errorf("status: exit status %d, want 32\n%s", got, said)
		}
		s.run("rc-service", name, "reload")
		unharmed(t)
		if said, got := s.run("rc-service", name, "stop"); got != 0 {
			t.Errorf("stop: exit status %d\n%s", got, said)
		}
		unharmed(t)
	})
	t.Run("plugctl", func(t *testing.T) {
		stale()
		s := newSystem(t)
		said, got := s.run(harness.CtlProgram(t), "-P", p.Pidfile, "stop")
		if got == 0 || !strings.Contains(said, "so it is stale") {
			t.Errorf("exit status %d: %s", got, said)
		}
		unharmed(t)
	})
}
