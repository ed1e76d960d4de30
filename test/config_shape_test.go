// Tests that the control socket's config has the same form as --check.

package test

import (
	"encoding/json"
	"os/exec"
	"reflect"
	"testing"
)

// A running plug reports its options in the form of --check, including the
// type of each value, and both can be used as input again: times are in
// seconds.
func TestConfigHasOneShape(t *testing.T) {
	args := withControl("-f", "-t", "90", "--connect-timeout", "250ms", "-a", "127.0.0.0/8", "-a", "::1", "--max-workers", "40", refusing(t), "10.0.3.15:80")
	p := start(t, "prefork", args...)
	checked, err := exec.Command(p.bin, append([]string{"--check"}, p.args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(checked, &want); err != nil {
		t.Fatal(err)
	}
	got := p.ctlJSON("config").Config.Options
	if !reflect.DeepEqual(got, want) {
		t.Errorf("plugctl config: %v\nplug --check:   %v", got, want)
	}
	for name, value := range map[string]any{"sticky-timeout": 90.0, "connect-timeout": 0.25, "sticky": true, "max-workers": 40.0, "mode": "prefork",
		"allow": []any{"127.0.0.0/8", "::1/128"}, "targets": []any{p.args[len(p.args)-2], "10.0.3.15:80"}} {
		if !reflect.DeepEqual(got[name], value) {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
}

// A refusal is never reported as done.
func TestRefusalIsNotDone(t *testing.T) {
	p := start(t, "prefork", withControl(refusing(t))...)
	if r, err := ask(p.ctl(), fields{"verb": "target", "target": "10.9.9.9:9", "state": "enabled"}); err != nil || r.Done || r.Error == "" {
		t.Errorf("%+v, %v", r, err)
	}
	for want, args := range map[int][]string{1: {"target", "enable", "10.9.9.9:9"}, 3: {"kill", "--client", "10.9.9.9"}} {
		r := p.ctlTry(append(args, "--json")...)
		var said map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || r.status != want || said["done"] != false || said["error"] == nil {
			t.Errorf("%q: %+v", args, r)
		}
	}
}
