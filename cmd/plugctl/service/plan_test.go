// Tests of plans: units, scripts, and orders that are refused.

package service

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// says returns a judge that answers as plug --check would.
func says(c checked) func([]string) (*checked, error) {
	return func([]string) (*checked, error) {
		answer := c
		return &answer, nil
	}
}

func orderFor(t *testing.T, name, user string, args ...string) *order {
	t.Helper()
	m, err := findManager(name)
	if err != nil {
		t.Fatal(err)
	}
	return &order{name: "web", user: user, program: "/usr/local/sbin/plug", args: args, manager: m}
}

// rendered returns the file for an order, which must be valid.
func rendered(t *testing.T, o *order, c checked) string {
	t.Helper()
	p, err := makePlan(o, says(c))
	if err != nil {
		t.Fatal(err)
	}
	text, err := o.manager.render(p)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func hasLine(text, line string) bool { return strings.Contains("\n"+text, "\n"+line+"\n") }

// unitCases are lines that a systemd unit has and does not have, by what was asked for.
var unitCases = map[string]struct {
	user string
	c    checked
	has  []string
	not  []string
}{
	"root": {
		c: checked{Source: "80"},
		has: []string{"ExecStart=/usr/local/sbin/plug -n 80 10.0.0.1", "Type=notify", "NotifyAccess=main", "KillMode=process",
			"ExecReload=/bin/kill -HUP $MAINPID", "TasksMax=22000", "LimitNOFILE=131072", "ProtectHome=yes", "PrivateTmp=yes",
			"CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_KILL CAP_CHOWN CAP_DAC_OVERRIDE"},
		not: []string{"User=", "AmbientCapabilities=", "Requires=", "ReadWritePaths=", "RuntimeDirectory=", "ProtectProc="},
	},
	"in the foreground already": {
		c:   checked{Source: "80", Foreground: true},
		has: []string{"ExecStart=/usr/local/sbin/plug 80 10.0.0.1"},
	},
	"user, low port": {
		user: "www:adm", c: checked{Source: "[::1]:1023/eth0"},
		has: []string{"User=www", "Group=adm", "AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "ProtectProc=invisible"},
	},
	"user, high port": {
		user: "www", c: checked{Source: "*:1024"},
		has: []string{"User=www", "CapabilityBoundingSet="},
		not: []string{"Group=", "AmbientCapabilities="},
	},
	"places": {
		user: "www", c: checked{Source: "8080", Pidfile: "/run/web/pid", SessionLog: "/var/log/web/sessions", Control: "/var/run/web/control"},
		has: []string{"RuntimeDirectory=web", "LogsDirectory=web"},
		not: []string{"ReadWritePaths="},
	},
	"no control socket named": {
		user: "www", c: checked{Source: "8080", Control: "/run/web/control"}, // from the judge, since ARGS have none
		has: []string{"ExecStart=/usr/local/sbin/plug -n --control /run/web/control 80 10.0.0.1", "RuntimeDirectory=web"},
		not: []string{"ReadWritePaths="},
	},
	"other places": {
		c:   checked{Source: "8080", Pidfile: "/run/web.pid", SessionLog: "/srv/a b/100%", Control: "/run/a/b/c"},
		has: []string{"ReadWritePaths=-/run", `ReadWritePaths=-"/srv/a b"`, "ReadWritePaths=-/run/a/b"},
		not: []string{"RuntimeDirectory=", "LogsDirectory="},
	},
	"percent in a directory": {
		c:   checked{Source: "8080", SessionLog: "/srv/1%n$x/s"},
		has: []string{`ReadWritePaths=-"/srv/1%%n$x"`},
	},
	"home and tmp": {
		c:   checked{Source: "8080", SessionLog: "/home/web/s", Pidfile: "/tmp/pid"},
		has: []string{"ProtectHome=read-only", "PrivateTmp=no", "ReadWritePaths=-/home/web", "ReadWritePaths=-/tmp"},
	},
	"socket": {
		user: "www", c: checked{Source: "fd:web"},
		has: []string{"Requires=web.socket", "After=web.socket"},
		not: []string{"AmbientCapabilities="},
	},
}

func TestUnitSays(t *testing.T) {
	for name, c := range unitCases {
		t.Run(name, func(t *testing.T) {
			text := rendered(t, orderFor(t, "systemd", c.user, "80", "10.0.0.1"), c.c)
			for _, line := range c.has {
				if !hasLine(text, line) {
					t.Errorf("no line %q", line)
				}
			}
			for _, begin := range c.not {
				if strings.Contains(text, "\n"+begin) {
					t.Errorf("a line %s…", begin)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

func TestDaemonSays(t *testing.T) {
	for name, pidfile := range map[string]string{"openrc": "/run/web.pid", "sysv": "/run/web.pid", "rc": "/var/run/web.pid"} {
		text := rendered(t, orderFor(t, name, "www", "80", "a b"), checked{Source: "80"})
		for _, line := range []string{"pidfile=" + pidfile, "\t/usr/local/sbin/plug -P " + pidfile + " --user www 80 'a b'"} {
			if !hasLine(text, line) {
				t.Errorf("%s: no line %q in\n%s", name, line, text)
			}
		}
		text = rendered(t, orderFor(t, name, "", "80"), checked{Source: "80", Pidfile: "/run/x y/pid"})
		if !hasLine(text, "pidfile='/run/x y/pid'") || strings.Contains(text, "-P") || strings.Contains(text, "--user") {
			t.Errorf("%s: its own pidfile in\n%s", name, text)
		}
		text = rendered(t, orderFor(t, name, "", "80"), checked{Source: "80", Pidfile: "/run/w/pid"})
		if !strings.Contains(text, "/run/w || return 4\n") {
			t.Errorf("%s: nobody makes /run/w in\n%s", name, text)
		}
	}
}

func TestOrdersRefused(t *testing.T) {
	for want, c := range map[string]struct {
		manager, name, user string
		c                   checked
	}{
		`--name "": expected`:                          {name: "-"},
		`--name "1x": expected`:                        {name: "1x"},
		`--name "a.b": expected`:                       {name: "a.b"},
		`--name "../x": expected`:                      {name: "../x"},
		`--user "a b": expected`:                       {user: "a b"},
		`--user "-x": expected`:                        {user: "-x"},
		`--user "a:b:c": expected`:                     {user: "a:b:c"},
		`given to both plugctl and plug`:               {user: "www", c: checked{Source: "80", User: json.RawMessage(`{"uid":1}`)}},
		`keep plug in the foreground`:                  {manager: "sysv", c: checked{Source: "80", Foreground: true}},
		`source "fd:web" is a socket`:                  {manager: "openrc", c: checked{Source: "fd:web"}},
		`-P "x.pid": must be an absolute`:              {c: checked{Source: "80", Pidfile: "x.pid"}},
		`-S "log/x": must be an absolute`:              {c: checked{Source: "80", SessionLog: "log/x"}},
		`--control "c": must be an`:                    {c: checked{Source: "80", Control: "c"}},
		`www cannot write to /run; use /run/web/x.pid`: {user: "www", c: checked{Source: "80", Pidfile: "/run/x.pid"}},
		`use /var/log/web/x`:                           {user: "www", c: checked{Source: "80", SessionLog: "/var/log/x"}},
	} {
		if c.manager == "" {
			c.manager = "systemd"
		}
		o := orderFor(t, c.manager, c.user, "80", "10.0.0.1")
		switch c.name {
		case "":
		case "-":
			o.name = ""
		default:
			o.name = c.name
		}
		if _, err := makePlan(o, says(c.c)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	bad := errors.New("PLUG-ARGS: no")
	if _, err := makePlan(orderFor(t, "sysv", "", "x"), func([]string) (*checked, error) { return nil, bad }); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

// Making a plan does not change the order's arguments.
func TestOrderStays(t *testing.T) {
	o := orderFor(t, "sysv", "www", "80", "10.0.0.1")
	o.args = append(make([]string, 0, 8), o.args...)
	rendered(t, o, checked{Source: "80"})
	if !slices.Equal(o.args, []string{"80", "10.0.0.1"}) {
		t.Errorf("%q", o.args)
	}
}

func TestFindManager(t *testing.T) {
	if _, err := findManager("upstart"); err == nil || !strings.Contains(err.Error(), `"upstart": expected systemd, openrc, sysv, rc`) {
		t.Errorf("error %v", err)
	}
	for _, m := range managers {
		if got, err := findManager(m.name); err != nil || got.name != m.name {
			t.Errorf("%s: %v, %v", m.name, got, err)
		}
	}
}

func TestLogrotate(t *testing.T) {
	o := orderFor(t, "systemd", "www:adm")
	text, err := logrotate(o, &checked{SessionLog: "/var/log/web/a b"})
	if err != nil || !hasLine(text, `"/var/log/web/a b" {`) || !hasLine(text, "\tcreate 0644 www adm") {
		t.Errorf("%v in\n%s", err, text)
	}
	text, err = logrotate(orderFor(t, "sysv", "www"), &checked{SessionLog: "/var/log/web"})
	if err != nil || !hasLine(text, "\tnocreate") {
		t.Errorf("%v in\n%s", err, text)
	}
	for file, want := range map[string]string{"": "add -S FILE", "-": "add -S FILE", "x": "must be an absolute", "/var/log/*": "as a pattern"} {
		if _, err := logrotate(o, &checked{SessionLog: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-S %q: error %v, want %q", file, err, want)
		}
	}
}
