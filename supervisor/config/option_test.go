// What is true for every row of the table of options.

package config

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// Every row is complete: an option of the command line has a usage text, and one that
// belongs to a process or plug says how it changes.
func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, o := range options {
		name := o.Long
		if o.Letter == 's' {
			name = "-s"
		}
		if name == "" || seen[name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("name %q: must be of small letters and -, once in the table", name)
		}
		seen[name] = true
		switch {
		case o.Set == nil && (o.Help != "" || o.Letter != 0 || o.Get == nil):
			t.Errorf("%s: a positional word has no usage text and no letter, and is shown", name)
		case o.Set != nil && o.Help == "":
			t.Errorf("%s: usage says nothing of it", name)
		case (o.Scope == ScopeCommand) != (o.Change == ChangeNever):
			t.Errorf("%s: scope %d, kind of change %d; just what belongs to the command line alone never changes", name, o.Scope, o.Change)
		case o.Change == ChangeMaster && o.Scope != ScopeProcess:
			t.Errorf("%s: only the process has options that the master alone applies", name)
		case o.Get == nil && o.Scope != ScopeCommand && o.Long != "bind": // bind is part of the source
			t.Errorf("%s: its value is not shown", name)
		}
	}
	if n := len(Options()); n < 33 {
		t.Errorf("%d options on the command line; expected 33 or more", n)
	}
}

// unshown are fields whose value another field shows, or that are never given.
var unshown = map[string]bool{"ControlDefault": true, "Name": true, "File": true, "Budget": true}

// Every field of a configuration is shown: changing one changes what --check prints for
// it, and nothing else.
func TestEveryFieldIsShown(t *testing.T) {
	fresh := func() Values { return Values{new(Process), &Plug{SparesMax: 1}} }
	shown := func(v Values) map[string]json.RawMessage {
		all, err := v.Shown()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	base := shown(fresh())
	for part := range reflect.TypeFor[Values]().NumField() {
		for _, field := range reflect.VisibleFields(reflect.TypeFor[Values]().Field(part).Type.Elem()) {
			name, v := field.Name, fresh()
			if unshown[name] || field.Anonymous {
				continue
			}
			fill(t, reflect.ValueOf(v).Field(part).Elem().FieldByIndex(field.Index).Addr().Interface())
			changed := 0
			for name, value := range shown(v) {
				if string(value) != string(base[name]) {
					changed++
				}
			}
			// The listeners show freebind, and an idle timer the half-closed one.
			if want := map[bool]int{true: 2, false: 1}[name == "Listeners" || name == "IdleTimeout"]; changed != want {
				t.Errorf("%s: %d options show it, expected %d", name, changed, want)
			}
		}
	}
}

// fill gives a field a value that is not its zero value.
func fill(t *testing.T, field any) {
	t.Helper()
	switch f := field.(type) {
	case *[]Source:
		*f = []Source{{Port: 80, Freebind: true}}
	case *[]Target:
		*f = []Target{{Name: "a.example", Port: 80}}
	case *[]netip.Prefix:
		*f = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	case *netip.Addr:
		*f = netip.MustParseAddr("10.0.0.1")
	case *netip.AddrPort:
		*f = netip.MustParseAddrPort("10.0.0.1:80")
	case **User:
		*f = &User{Name: "www"}
	case **Group:
		*f = &Group{Name: "log"}
	case *Syslog:
		*f = Syslog{Path: "/dev/log"}
	default:
		switch v := reflect.ValueOf(field).Elem(); v.Kind() {
		case reflect.Bool:
			v.SetBool(true)
		case reflect.String:
			v.SetString("x")
		case reflect.Int, reflect.Int64:
			v.SetInt(1 << 30)
		default:
			t.Fatalf("%v: this test has no value for it", v.Type())
		}
	}
}
