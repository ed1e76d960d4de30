// Tests of the default path of the control socket.

package config

import (
	"strings"
	"testing"
)

// A plug without a --control has a control socket named after its label, if there is a
// directory for it.
func TestDefaultControl(t *testing.T) {
	for _, c := range []struct {
		source, runDir, given string
		want                  string
		byDefault             bool
	}{
		{"119", "/run/plug", "", "/run/plug/119.ctl", true},
		{"*:119", "/run/plug", "", "/run/plug/119.ctl", true},
		{"10.1.2.1:119/eth0", "/run/plug", "", "/run/plug/10.1.2.1_119.ctl", true},
		{"[2001:db8::1]:80", "/run/plug", "", "/run/plug/_2001_db8__1__80.ctl", true},
		{"fd:web.socket", "/run/plug", "", "/run/plug/fd_web.socket.ctl", true},
		{"fd:..", "/run/plug", "", "/run/plug/fd_...ctl", true},
		{"119", "", "", "", false},
		{"119", "/run/plug", "none", "", false},
		{"119", "/run/plug", "./none", "./none", false},
		{"119", "/run/plug", "/run/x", "/run/x", false},
		{"119", "/" + strings.Repeat("x", MaxControl), "", "", false}, // no room in a socket's address
	} {
		system := house(1000)
		system.RunDir = c.runDir
		d := NewDraft(system)
		d.Args = []string{c.source, "10.0.3.15:80"}
		d.Control = c.given
		done, err := d.Finish()
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if done.Control != c.want || done.ControlDefault != c.byDefault {
			t.Errorf("%+v: %q, by default: %v", c, done.Control, done.ControlDefault)
		}
	}
}

func TestRunDir(t *testing.T) {
	for _, c := range []struct {
		goos    string
		euid    int
		userDir string
		want    string
	}{
		{"linux", 0, "", "/run/plug"},
		{"linux", 0, "/run/user/0", "/run/plug"},
		{"freebsd", 0, "", "/var/run/plug"},
		{"linux", 1000, "/run/user/1000", "/run/user/1000/plug"},
		{"linux", 1000, "", ""},
		{"linux", 1000, "run", ""},
	} {
		if got := runDir(c.goos, c.euid, c.userDir); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
