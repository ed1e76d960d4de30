// Tests of configuration files: directives and options, folders, origins, dumps.

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// names are the attributes that a schema has.
func names(schema *hcl.BodySchema) map[string]bool {
	all := make(map[string]bool)
	for _, a := range schema.Attributes {
		all[a.Name] = true
	}
	return all
}

// Every option has a directive, unless only a command line can have it, and every directive
// with one value has an option.
func TestDirectivesAndOptions(t *testing.T) {
	top, plug, defaults := names(topSchema), names(plugSchema), names(defaultsSchema)
	exempt := map[string]bool{"bind": true, "source-interface": true} // listen has the one; /interface gives the other
	exempt["optional"] = true                                         // a command line has no other plug
	for _, o := range Options() {
		switch in := map[Scope]map[string]bool{ScopeProcess: top, ScopePlug: plug}[o.Scope]; {
		case exempt[o.Long] || in == nil && !top[o.Long] && !plug[o.Long]:
		case in == nil:
			t.Errorf("--%s is of the command line alone, and yet a directive", o.Long)
		case !in[o.Long]:
			t.Errorf("--%s is no directive", o.Long)
		case o.Scope == ScopePlug && !defaults[o.Long]:
			t.Errorf("%s is no directive of defaults", o.Long)
		}
	}
	for _, all := range []map[string]bool{top, plug, defaults} {
		for name := range all {
			if OptionByName(name) == nil && name != "listen" && name != "targets" && !exempt[name] {
				t.Errorf("%s is a directive without an option", name)
			}
		}
	}
}

// example is a file that uses what there is.
const example = `
session-log = "/var/log/all"
control-group = "log"
max-workers = 9
locals {
  office = ["10.0.0.0/8"]
  home   = format("/home/%s", env.USER)
}
plug "web" {
  listen = [":80", 81]
  allow  = concat(local.office, ["2001:db8::/32"])
  target "10.0.3.15:8080" { name = "one" }
  targets = ["10.0.3.16:8080"]
  sticky  = true
  spares  = "1:2"
  listener "127.0.0.1:82" {
    backlog  = 7
    freebind = true
  }
  keepalive {
    idle  = "60s"
    every = 10
    count = 6
  }
}
plug "pool" {
  listen          = ["fd:pool"]
  targets         = ["10.0.0.1:80"]
  mode            = "pool"
  connect-timeout = 1.5
  session-log     = "${local.home}/log"
}
defaults {
  spares = "0:8"
  log    = true
}
`

func loadExample(t *testing.T, text string) *Loaded {
	t.Helper()
	system := house(0)
	system.RunDir = "/run/plug"
	system.Env = func(name string) (string, bool) { return "www", name == "USER" }
	l := (&Files{Paths: []string{"/etc/plug/site.hcl"}, text: text}).Load(system)
	if l.Config == nil || len(l.diags) > 0 {
		t.Fatal(l.Complaints())
	}
	return l
}

func TestLoad(t *testing.T) {
	c := loadExample(t, example).Config
	web, pool := c.Plugs[0], c.Plugs[1]
	for what, ok := range map[string]bool{
		"process":   c.File == "site" && c.Control == "/run/plug/site.ctl" && c.ControlDefault && c.ControlGroup.GID == 55 && !c.Foreground && c.Budget == 9,
		"names":     web.Name == "web" && pool.Name == "pool" && len(c.Plugs) == 2,
		"listeners": web.listens() == "*:80 81 127.0.0.1:82" && pool.listens() == "fd:pool",
		"backlogs":  web.Listeners[0].Backlog == 4096 && web.Listeners[2].Backlog == 7 && pool.Listeners[0].Backlog == 0,
		"freebind":  !web.Listeners[0].Freebind && web.Listeners[2].Freebind,
		"targets":   fmt.Sprint(web.Targets) == "[10.0.3.15:8080 10.0.3.16:8080]" && web.Targets[0].ID == "one" && web.Targets[1].ID == "",
		"allow":     fmt.Sprint(web.Rules) == "[10.0.0.0/8 2001:db8::/32]",
		"keepalive": web.KeepaliveIdle == time.Minute && web.KeepaliveEvery == 10*time.Second && web.UserTimeout == 2*time.Minute,
		"defaults":  web.Log && pool.Log && web.SparesMin == 1 && pool.SparesMax == 0,
		"top level": web.SessionLog == "/var/log/all" && pool.SessionLog == "/home/www/log",
		"times":     pool.ConnectTimeout == 1500*time.Millisecond && web.ConnectTimeout == 5*time.Second,
		"labels":    web.Label() == "web" && web.Tag() == "(web)" && pool.Label() == "fd:pool",
	} {
		if !ok {
			t.Errorf("%s: %+v", what, c)
		}
	}
}

// The order of blocks makes no difference, nor in which file they are.
func TestOrderDoesNotMatter(t *testing.T) {
	want := loadExample(t, example).Dump()
	at := strings.Index(example, "defaults {")
	if got := loadExample(t, example[at:]+example[:at]).Dump(); got != want {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
}

// A dump of a dump is identical, in both forms.
func TestDumpOfDump(t *testing.T) {
	l := loadExample(t, example)
	dump := l.Dump()
	if again := loadExample(t, dump).Dump(); again != dump {
		t.Errorf("%s\nexpected\n%s", again, dump)
	}
	f := &Files{Paths: []string{"/etc/plug/site.hcl.json"}, text: l.DumpJSON()}
	system := house(0)
	system.RunDir = "/run/plug"
	if again := f.Load(system); again.Config == nil || again.Dump() != dump {
		t.Errorf("%s\nof\n%s", again.Complaints(), l.DumpJSON())
	}
}

// Explain says for each value where it comes from.
func TestExplain(t *testing.T) {
	text := loadExample(t, example).Explain()
	for _, want := range []string{
		"control-group = \"log\" # top level, /etc/plug/site.hcl:3\n", "log-format    = \"text\"              # built in\n",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for word, at := range map[string]string{"spares": ":15", "listen ": ":10", "listener": ":16", "log ": "defaults, /etc/plug/site.hcl:35", "sticky-timeout": "built in",
		"keepalive-idle": ":21", "session-log": "top level, /etc/plug/site.hcl:2"} {
		line := ""
		for one := range strings.SplitSeq(text, "\n") {
			if line == "" && strings.HasPrefix(strings.TrimSpace(one), word) {
				line = one
			}
		}
		if !strings.HasSuffix(line, at) {
			t.Errorf("%q: expected %q at its end", line, at)
		}
	}
}

// Names in a folder that editors and packages leave are passed over; files are read in
// bytewise order.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	load := func(paths ...string) *Loaded { return (&Files{Paths: paths}).Load(house(os.Geteuid())) }
	if l := load(dir); !strings.Contains(l.First(), "the folder has no file") {
		t.Errorf("an empty folder: %s", l.First())
	}
	plug := func(name string, port int) string {
		return fmt.Sprintf("plug %q {\n  listen  = [%d]\n  targets = [\"10.0.3.15\"]\n}\n", name, port)
	}
	write("b.hcl", plug("b", 2), 0o644)
	write("a.hcl", plug("a", 1), 0o644)
	write("c.hcl.json", `{"plug": {"c": {"listen": [3], "targets": ["10.0.3.15"]}}}`, 0o644)
	for _, other := range []string{"a.hcl~", "a.hcl.bak", "a.hcl.orig", "a.hcl.dpkg-old", "a.hcl.rpmsave", ".a.hcl", ".#a.hcl", "x.json", "README"} {
		write(other, "{ nonsense", 0o666)
	}
	order := func(l *Loaded) (all string) {
		t.Helper()
		if l.Config == nil {
			t.Fatal(l.Complaints())
		}
		for _, p := range l.Config.Plugs {
			all += p.Name
		}
		return all
	}
	if got := order(load(dir)); got != "abc" {
		t.Errorf("the plugs are %s", got)
	}
	if got := order(load(filepath.Join(dir, "b.hcl"), dir)); got != "bac" {
		t.Errorf("with b.hcl first and twice, the plugs are %s", got)
	}
	if l := load(filepath.Join(dir, "missing.hcl")); l.Config != nil || !strings.Contains(l.First(), "no such file") {
		t.Errorf("a file that does not exist: %s", l.First())
	}
	if os.Geteuid() != 0 {
		return
	}
	write("b.hcl", plug("b", 2), 0o664)
	if l := load(dir); l.Config != nil || !strings.Contains(l.First(), "its mode is 0664; must be 0644") {
		t.Errorf("a file that a group can change: %s", l.First())
	}
	if l := (&Files{Paths: []string{dir}, Lenient: true}).Load(house(0)); l.Config == nil || l.Verdict() != "1 warning" {
		t.Errorf("with --check: %s", l.Complaints())
	}
}

// What the command line gives wins over the file.
func TestCommandLineWins(t *testing.T) {
	text := "pidfile = \"/run/a\"\nplug \"a\" {\n  listen  = [1]\n  targets = [\"10.0.3.15\"]\n}\n"
	l := (&Files{Paths: []string{"site.hcl"}, text: text, Pidfile: "/run/b", Debug: 2}).Load(house(0))
	if l.Config == nil {
		t.Fatal(l.Complaints())
	}
	if l.Config.Pidfile != "/run/b" || l.Config.Debug != 2 || !l.Config.Foreground {
		t.Errorf("%+v %s", l.Config, l.Complaints())
	}
	if !strings.Contains(l.Explain(), `"/run/b"   # command line`) {
		t.Error(l.Explain())
	}
}

// A plug whose clients may vanish unnoticed causes a warning.
func TestAdvice(t *testing.T) {
	for option, warned := range map[string]bool{"": true, "idle-timeout = 60": false, "keepalive = true": false, "keepalive-of = \"target\"": true} {
		text := "plug \"a\" {\n  listen  = [1]\n  targets = [\"10.0.3.15\"]\n  " + option + "\n}\n"
		l := (&Files{Paths: []string{"a.hcl"}, text: text, Advise: true}).Load(house(0))
		if l.Config == nil || strings.Contains(l.Complaints(), "No idle-timeout and no keepalive") != warned {
			t.Errorf("%q: %s", option, l.Complaints())
		}
	}
}
