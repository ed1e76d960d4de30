// A service's life: install, start, reload, upgrade, replace, stop, uninstall.

package service

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"daemon/plug/test/harness"
)

// life is a service that is taken through its whole life, with a session that
// lives all the time.
type life struct {
	*system
	m       scripted
	p       *harness.Plug
	file    string   // its script
	install []string // the command that installs it
	other   []string // the same with another command line
	held    *net.TCPConn
}

const lifeName = "plug-test"

// live takes a service through its whole life.
func (s *system) live(m scripted) {
	t := s.t
	p := harness.Prepare(t, "prefork", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Daemon = true
	p.Install(harness.Stamped(t, harness.ThisVersion))
	l := &life{system: s, m: m, p: p, file: s.file("/etc/init.d/" + lifeName)}
	l.install = append(append(l.verb("install"), "--program", p.Bin, "--"), p.Args...)
	l.other = append(slices.Clone(l.install), "127.0.0.1:1")
	t.Cleanup(func() {
		s.run(l.script("stop")...)
		p.Gone(10 * time.Second)
	})
	l.installs()
	l.failsToStart()
	l.starts()
	l.reloadsAndUpgrades()
	l.isReplaced()
	l.isReplacedByTheSame()
	l.restartsAndCrashes()
	l.stops()
}

// verb is plugctl's command for this service.
func (l *life) verb(v string) []string {
	return []string{harness.CtlProgram(l.t), "service", v, "--name", lifeName, "--manager", l.m.manager}
}

// script is the same with the service's own script.
func (l *life) script(v string) []string { return l.m.script(lifeName, v) }

// status checks what the script's status says.
func (l *life) status(want int, text string) {
	l.t.Helper()
	if said, got := l.run(l.script("status")...); got != want || !strings.Contains(said, text) {
		l.t.Errorf("status: exit status %d, want %d and %q in\n%s", got, want, text, said)
	}
}

func (l *life) installs() {
	t, s := l.t, l.system
	t.Helper()
	s.must(l.install...)
	if info, err := os.Stat(l.file); err != nil || info.Mode().Perm() != 0o755 {
		t.Fatalf("%s: %v, %v", l.file, info, err)
	}
	if said := s.must(l.install...); !strings.Contains(said, lifeName+": unchanged") {
		t.Errorf("installed twice: %s", said)
	}
	s.refuses("use --replace", l.other...)
	l.status(l.m.stopped, "")
	s.refuses("stopped", l.verb("status")...)
}

// A failing start reports the reason, and has a status other than 0.
func (l *life) failsToStart() {
	t, s := l.t, l.system
	t.Helper()
	taken, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", l.p.Port))
	if err != nil {
		t.Fatal(err)
	}
	s.refuses("ddress already in use", l.script("start")...)
	s.refuses("start of "+lifeName, l.verb("start")...)
	taken.Close()
	l.status(l.m.stopped, "")
}

func (l *life) starts() {
	t, s, p := l.t, l.system, l.p
	t.Helper()
	s.must(l.verb("start")...)
	if !p.Serves() {
		t.Fatal("start is done, but the plug does not serve")
	}
	if !strings.Contains(s.must(l.verb("status")...), "running") {
		t.Error("status does not say running")
	}
	s.refuses("stop it first", l.verb("uninstall")...)
	l.held = harness.Hold(t, p, 1)[0]
	p.Lists([]*net.TCPConn{l.held})
	l.status(0, fmt.Sprintf("master %d, 1 workers", p.Master))
	if said, got := s.run(l.script("start")...); got != 0 {
		t.Errorf("start of what runs: exit status %d\n%s", got, said)
	}
}

func (l *life) reloadsAndUpgrades() {
	t, s, p := l.t, l.system, l.p
	t.Helper()
	if err := os.Rename(p.Sessions, p.Sessions+".0"); err != nil {
		t.Fatal(err)
	}
	s.must(l.script("reload")...)
	harness.Await(t, "a new session file after reload", harness.NormalWait, func() bool { _, err := os.Stat(p.Sessions); return err == nil })

	p.Install(harness.Stamped(t, harness.NextVersion))
	s.must(l.script("upgrade")...)
	p.Replaced(harness.NextVersion)
	harness.MustPing(t, l.held)
	l.status(0, fmt.Sprint("master ", p.Master))

	if l.m.manager == "sysv" { // the others' scripts are the same, and waiting takes the script 15 s
		p.Write("#!/bin/sh\nexit 1\n", 0o755)
		s.refuses(fmt.Sprintf("master %d was not replaced", p.Master), l.script("upgrade")...)
		l.status(0, fmt.Sprint("master ", p.Master))
		p.Install(harness.Stamped(t, harness.ThisVersion))
	}
}

// replacing is the command that installs the other command line.
func (l *life) replacing() []string {
	return slices.Insert(slices.Clone(l.other), 3, "--replace", "--json")
}

// Another command line restarts the service; the session goes on.
func (l *life) isReplaced() {
	t, s, p := l.t, l.system, l.p
	t.Helper()
	old := p.Master
	if said := s.must(l.replacing()...); !strings.Contains(said, `"changed":true`) || !strings.Contains(said, "restarted because its command line has changed") {
		t.Errorf("replaced: %s", said)
	}
	if !p.Serves() || p.Master == old || !strings.Contains(harness.ReadString(l.file), "127.0.0.1:1") {
		t.Fatalf("after --replace: serves %v, master %d, was %d, file\n%s", p.Serves(), p.Master, old, harness.ReadString(l.file))
	}
	harness.MustPing(t, l.held)
}

// The same command line does not, nor does a start of what runs.
func (l *life) isReplacedByTheSame() {
	t, s, p := l.t, l.system, l.p
	t.Helper()
	if said := s.must(l.replacing()...); !strings.Contains(said, `"changed":false`) {
		t.Errorf("replaced by the same: %s", said)
	}
	old, text := p.Master, harness.ReadString(l.file)
	if err := os.WriteFile(l.file, []byte(text+"# of an older plugctl\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if said := s.must(l.replacing()...); !strings.Contains(said, `"changed":true`) || !strings.Contains(said, "not restarted") {
		t.Errorf("replaced where the command line is the same: %s", said)
	}
	if !p.Serves() || p.Master != old || harness.ReadString(l.file) != text {
		t.Fatalf("where the command line is the same: serves %v, master %d, was %d, file\n%s", p.Serves(), p.Master, old, harness.ReadString(l.file))
	}
	moved := l.replacing()
	moved[slices.Index(moved, p.Pidfile)] += "2"
	s.must(moved...)
	p.Pidfile += "2"
	if !p.Serves() || p.Master == old {
		t.Fatalf("with another pidfile: serves %v, master %d, was %d", p.Serves(), p.Master, old)
	}
	if said := s.must(append(l.verb("start"), "--json")...); !strings.Contains(said, `"changed":false`) {
		t.Errorf("start of what runs: %s", said)
	}
}

func (l *life) restartsAndCrashes() {
	t, s, p := l.t, l.system, l.p
	t.Helper()
	old := p.Master
	s.must(l.verb("restart")...)
	if !p.Serves() || p.Master == old {
		t.Fatalf("after restart: serves %v, master %d, was %d", p.Serves(), p.Master, old)
	}
	harness.MustPing(t, l.held)

	syscall.Kill(p.Master, syscall.SIGKILL)
	harness.Await(t, "the end of the master", harness.NormalWait, func() bool { return !harness.IsOf(p.Master, p.Bin) })
	l.status(l.m.crashed, "")
	s.refuses("without being stopped", l.verb("status")...)
	s.must(l.verb("restart")...)
	if !p.Serves() {
		t.Fatal("restart after a crash is done, but the plug does not serve")
	}
}

// After a stop, the session goes on to its end.
func (l *life) stops() {
	t, s, p := l.t, l.system, l.p
	t.Helper()
	s.must(l.verb("stop")...)
	if harness.IsOf(p.Master, p.Bin) || harness.Opened(p.Port) {
		t.Errorf("stop is done: the master lives %v, the port is open %v", harness.IsOf(p.Master, p.Bin), harness.Opened(p.Port))
	}
	l.status(l.m.stopped, "")
	if said, got := s.run(l.script("stop")...); got != 0 {
		t.Errorf("stop of what is stopped: exit status %d\n%s", got, said)
	}
	harness.MustPing(t, l.held)
	if err := harness.Finish(l.held); err != nil {
		t.Error(err)
	}
	s.must(l.verb("uninstall")...)
	left, _ := filepath.Glob(s.dir + "/etc/*/*" + lifeName + "*")
	deeper, _ := filepath.Glob(s.dir + "/etc/runlevels/*/*" + lifeName + "*")
	if left = append(left, deeper...); len(left) > 0 {
		t.Errorf("uninstalled, but there is %q", left)
	}
	s.refuses("expected the name of an installed service", l.verb("start")...)
}
