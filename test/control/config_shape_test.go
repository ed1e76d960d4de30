// Tests that the control socket's config has the same form as --check.

package control

import (
	"encoding/json"
	"os/exec"
	"reflect"
	"testing"

	"daemon/plug/test/harness"
)

// A running plug reports its options in the form of --check, including the
// type of each value, and both can be used as input again: times are in
// seconds.
func TestConfigHasOneShape(t *testing.T) {
	t.Parallel()
	args := harness.WithControl("-f", "-t", "90", "--connect-timeout", "250ms", "-a", "127.0.0.0/8", "-a", "::1", "--max-workers", "40", harness.Refusing(t), "10.0.3.15:80")
	p := harness.Start(t, "prefork", args...)
	checked, err := exec.Command(p.Bin, append([]string{"--check"}, p.Args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(checked, &want); err != nil {
		t.Fatal(err)
	}
	got := p.CtlJSON("config").Config.Options
	if !reflect.DeepEqual(got, want) {
		t.Errorf("plugctl config: %v\nplug --check:   %v", got, want)
	}
	for name, value := range map[string]any{"sticky-timeout": 90.0, "connect-timeout": 0.25, "sticky": true, "max-workers": 40.0, "mode": "prefork",
		"allow": []any{"127.0.0.0/8", "::1/128"}, "targets": []any{p.Args[len(p.Args)-2], "10.0.3.15:80"}} {
		if !reflect.DeepEqual(got[name], value) {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
}

// A refusal is never reported as done.
func TestRefusalIsNotDone(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Refusing(t))...)
	if r, err := harness.Ask(p.Ctl(), harness.Fields{"verb": "target", "target": "10.9.9.9:9", "state": "enabled"}); err != nil || r.Done || r.Error == "" {
		t.Errorf("%+v, %v", r, err)
	}
	for want, args := range map[int][]string{1: {"target", "enable", "10.9.9.9:9"}, 3: {"kill", "--client", "10.9.9.9"}} {
		r := p.CtlTry(append(args, "--json")...)
		var said map[string]any
		if err := json.Unmarshal([]byte(r.Stdout), &said); err != nil || r.Status != want || said["done"] != false || said["error"] == nil {
			t.Errorf("%q: %+v", args, r)
		}
	}
}
