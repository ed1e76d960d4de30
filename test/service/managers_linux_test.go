// Tests of services with OpenRC, init scripts and systemd.

package service

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// scripted is a kind of service manager whose files are scripts.
type scripted struct {
	manager string
	script  func(name, verb string) []string // runs the script itself
	// Exit statuses of the script's status command.
	stopped, crashed int
}

func TestServiceOpenRC(t *testing.T) {
	t.Parallel()
	s := newOpenRC(t)
	s.live(scripted{"openrc", func(name, verb string) []string { return []string{"rc-service", name, verb} }, 3, 32})
}

// newOpenRC is a system that OpenRC has booted.
func newOpenRC(t *testing.T) *system {
	t.Helper()
	harness.Program(t, "openrc-run")
	s := newSystem(t)
	s.write("/run/openrc/softlevel", "default\n", 0o644) // as if openrc had booted it
	for _, state := range []string{"daemons", "exclusive", "failed", "hotplugged", "inactive", "options", "scheduled", "started", "starting", "stopping", "wasinactive", "tmp"} {
		if err := os.MkdirAll(s.file("/run/openrc/"+state), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, level := range []string{"sysinit", "boot", "default"} {
		if err := os.MkdirAll(s.file("/etc/runlevels/"+level), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write("/etc/init.d/net", "#!/sbin/openrc-run\nstart() { :; }\n", 0o755)
	return s
}

func TestServiceSysV(t *testing.T) {
	t.Parallel()
	harness.Program(t, "service")
	s := newSystem(t)
	s.live(scripted{"sysv", func(name, verb string) []string { return []string{"sh", "/etc/init.d/" + name, verb} }, 3, 1})
}

// For requests that the script cannot fulfil, it has LSB's exit statuses.
func TestServiceScriptOfSysV(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	p := harness.Prepare(t, "prefork", "127.0.0.1:1")
	script := s.must(append([]string{harness.CtlProgram(t), "service", "install", "--name", "x", "--manager", "sysv", "--dry-run", "--program", p.Bin, "--"}, p.Args...)...)
	s.write("/etc/init.d/x", script, 0o755)
	for verb, want := range map[string]int{"status": 3, "stop": 0, "reload": 7, "force-reload": 7, "upgrade": 7, "": 2, "dance": 2} {
		if said, got := s.run("/etc/init.d/x", verb); got != want {
			t.Errorf("%q: exit status %d, want %d\n%s", verb, got, want, said)
		}
	}
	// The leftover pidfile names another process by now.
	stranger := os.Getpid()
	if err := os.WriteFile(p.Pidfile, fmt.Appendln(nil, stranger), 0o644); err != nil {
		t.Fatal(err)
	}
	for verb, want := range map[string]int{"status": 1, "stop": 0, "reload": 7} {
		if said, got := s.run("/etc/init.d/x", verb); got != want {
			t.Errorf("with a stale pidfile, %q: exit status %d, want %d\n%s", verb, got, want, said)
		}
	}
}

// Errors are reported before anything is written, for every manager.
func TestServiceRefuses(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	ctl := harness.CtlProgram(t)
	p := harness.Prepare(t, "prefork", "127.0.0.1:1")
	install := func(more ...string) []string {
		return append([]string{ctl, "service", "install", "--program", p.Bin}, more...)
	}
	for _, manager := range []string{"systemd", "openrc", "sysv"} {
		with := func(more ...string) []string { return install(append([]string{"--manager", manager}, more...)...) }
		s.refuses(`PLUG-ARGS: unknown option "--no-such"`, with("--name", "x", "--", "--no-such", "80", "127.0.0.1:1")...)
		s.refuses("PLUG-ARGS: ", with("--name", "x", "--", "80")...)
		s.refuses("PLUG-ARGS: ", with("--name", "x", "--")...)
		s.refuses(`"80" is before the --`, with("--name", "x", "80", "127.0.0.1:1")...)
		s.refuses("no PLUG-ARGS", with("--name", "x")...)
		s.refuses(`--name "a/b": expected`, with("--name", "a/b", "--", "80", "127.0.0.1:1")...)
		s.refuses("no such account", with("--name", "x", "--user", "no-such-user", "--", "8080", "127.0.0.1:1")...)
		s.refuses("directory /no/such", with("--name", "x", "--", "-S", "/no/such/file", "80", "127.0.0.1:1")...)
		s.refuses("only root can write", append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, with("--name", "x", "--", "80", "127.0.0.1:1")...)...)
		s.refuses("not an executable file", ctl, "service", "install", "--manager", manager, "--name", "x", "--program", "/etc/passwd", "--", "80", "127.0.0.1:1")
		s.refuses("--program must name plug", ctl, "service", "install", "--manager", manager, "--name", "x", "--program", "/bin/true", "--", "80", "127.0.0.1:1")
	}
	s.refuses("not on this system", install("--manager", "rc", "--name", "x", "--", "80", "127.0.0.1:1")...)
	if said := s.must("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ctl, "service", "install", "--dry-run", "--manager", "rc", "--name", "x", "--program", p.Bin, "--", "80", "127.0.0.1:1"); !strings.HasPrefix(said, "#!/bin/sh\n") {
		t.Errorf("--dry-run by anybody: %s", said)
	}
	left, _ := filepath.Glob(s.dir + "/etc/*/*")
	for _, f := range left {
		if info, err := os.Lstat(f); err == nil && !info.IsDir() {
			t.Errorf("something was written: %s", f)
		}
	}
	s.write("/etc/init.d/other", "#!/bin/sh\n", 0o755)
	for _, verb := range []string{"start", "stop", "restart", "status", "uninstall"} {
		s.refuses("was not created by plugctl", ctl, "service", verb, "--manager", "sysv", "--name", "other")
	}
	if harness.ReadString(s.file("/etc/init.d/other")) != "#!/bin/sh\n" {
		t.Error("somebody else's script was changed")
	}
}

// toldSystemctl is what systemctl was told to do, without questions.
func toldSystemctl(notes string) (did []string) {
	for line := range strings.Lines(harness.ReadString(notes)) {
		if !strings.HasPrefix(line, "is-active") && !strings.HasPrefix(line, "list-unit-files") && !strings.HasPrefix(line, "--version") {
			did = append(did, strings.TrimSpace(line))
		}
	}
	return did
}

// systemctlScript is a systemctl that notes its arguments, and fails if there is a
// file fail.
func systemctlScript(dir, notes string) string {
	return "#!/bin/sh\necho \"$*\" >>" + notes + "\n[ ! -e " + dir + "/fail ] || { echo no >&2; exit 1; }\n[ \"$1\" != is-active ] || if [ -e " + dir + "/active ]; then echo active; else echo inactive; fi\n[ \"$1\" != list-unit-files ] || echo web.service\n"
}

// replaces replaces the unit of an active service, and once more after a change
// that does not concern its process.
func (s *system) replaces(unit string, replacing []string) {
	t := s.t
	t.Helper()
	s.write("/active", "", 0o644)
	s.must(replacing...)
	// A setting that systemd only reads from the file does not affect the
	// process.
	if err := os.WriteFile(unit, []byte(strings.Replace(harness.ReadString(unit), "TimeoutStopSec=30", "TimeoutStopSec=9", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := s.must(replacing...); !strings.Contains(said, "web: not restarted: its process does not change\n") || !strings.Contains(harness.ReadString(unit), "TimeoutStopSec=30") {
		t.Errorf("--replace of a unit whose command line is the same: %s", said)
	}
	os.Remove(s.file("/active"))
	if got := harness.ReadString(unit); !strings.Contains(got, " 8080 127.0.0.1:1 127.0.0.1:2\n") {
		t.Errorf("--replace is done, but the unit is\n%s", got)
	}
}

// systemctl itself needs a running systemd; a fake that only records its
// arguments shows what is done, and that a failure leaves nothing.
func TestServiceSystemd(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	ctl := harness.CtlProgram(t)
	p := harness.Prepare(t, "prefork", "127.0.0.1:1")
	notes := filepath.Join(s.dir, "notes")
	s.write("/bin/systemctl", systemctlScript(s.dir, notes), 0o755)
	s.path = s.file("/bin") + ":" + s.path
	verb := func(v string) []string { return []string{ctl, "service", v, "--name", "web", "--manager", "systemd"} }
	awkward := p.Dir + `/a "b" 100% $HOME {{Name}} 'c'`
	if err := os.MkdirAll(awkward, 0o755); err != nil {
		t.Fatal(err)
	}
	install := append(verb("install"), "--program", p.Bin, "--", "-S", awkward+"/s", "8080", "127.0.0.1:1")
	unit := s.file("/etc/systemd/system/web.service")

	s.write("/fail", "", 0o644)
	s.refuses("installing /etc/systemd/system/web.service", install...)
	if _, err := os.Stat(unit); !os.IsNotExist(err) {
		t.Errorf("the installation has failed, but the unit is there: %v", err)
	}
	os.Remove(s.file("/fail"))
	os.Remove(notes)

	s.must(install...)
	dry := s.must(append(append(verb("install"), "--dry-run"), install[7:]...)...)
	if got := harness.ReadString(unit); got != dry || !strings.Contains(got, "ExecStart="+p.Bin+` -n --control /run/web/control -S "`+p.Dir+`/a \"b\" 100%% $$HOME {{Name}} 'c'/s" 8080 127.0.0.1:1`) {
		t.Errorf("the unit is not what --dry-run shows, or misquoted:\n%s", got)
	}
	other := append(slices.Clone(install), "127.0.0.1:2")
	s.refuses("use --replace", other...)
	s.write("/fail", "", 0o644)
	s.refuses("installing /etc/systemd/system/web.service", slices.Insert(slices.Clone(other), 3, "--replace")...)
	os.Remove(s.file("/fail"))
	if got := harness.ReadString(unit); got != dry {
		t.Errorf("--replace has failed, but the unit is another:\n%s", got)
	}
	replacing := slices.Insert(slices.Clone(other), 3, "--replace")
	s.replaces(unit, replacing)
	if said := s.must(append(slices.Clone(replacing[:3]), append([]string{"--json"}, other[3:]...)...)...); !strings.Contains(said, `"changed":false`) {
		t.Errorf("installed twice: %s", said)
	}
	for _, v := range []string{"start", "stop", "restart", "uninstall"} {
		s.must(verb(v)...)
	}
	did := toldSystemctl(notes)
	want := []string{"enable web.service", "daemon-reload", "enable web.service", // which fails
		"enable web.service", "daemon-reload", "restart web.service", // --replace
		"enable web.service", "daemon-reload", // --replace with the same command line
		"start web.service", "stop web.service", "restart web.service", "disable web.service", "daemon-reload"}
	if strings.Join(did, "; ") != strings.Join(want, "; ") {
		t.Errorf("systemctl was told %q, want %q", did, want)
	}
	if _, err := os.Stat(unit); !os.IsNotExist(err) {
		t.Errorf("uninstalled, but the unit is there: %v", err)
	}
}
