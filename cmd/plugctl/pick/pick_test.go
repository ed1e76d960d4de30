// Tests of parsing conditions.

package pick

import (
	"reflect"
	"strings"
	"testing"

	"daemon/plug/supervisor/control"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]control.Filter{
		"":                              {},
		"id=1-2-3":                      {IDs: []string{"1-2-3"}},
		"id=1-2-3,4-5-6 id=7-8-9":       {IDs: []string{"1-2-3", "4-5-6", "7-8-9"}},
		"pid=17,18":                     {PIDs: []int{17, 18}},
		"client=10.0.0.0/8":             {Client: "10.0.0.0/8"},
		"  client=::1   state=relaying": {Client: "::1", State: "relaying"},
		"target=10.0.0.1:80":            {Target: "10.0.0.1:80"},
		"older-than=90 idle-for=1h30m":  {OlderThan: 90, IdleFor: 5400},
		"older-than=0.25":               {OlderThan: 0.25},
		"worker-version=3.0.0":          {Worker: "3.0.0"},
		"other-version=3.0.0+ab=c":      {NotVersion: "3.0.0+ab=c"},
	} {
		f, err := Parse(text)
		if err != nil || !reflect.DeepEqual(*f, want) {
			t.Errorf("%q: %+v, %v; want %+v", text, f, err, want)
			continue
		}
		again, err := Parse(Text(f))
		if err != nil || !reflect.DeepEqual(again, f) {
			t.Errorf("%q: its text %q is %+v, %v", text, Text(f), again, err)
		}
		if f.Empty() != (text == "") {
			t.Errorf("%q: empty is %v", text, f.Empty())
		}
	}
}

// TestParseErrors: each error says what is wrong, with the value.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":       `not "10.0.0.0/8"`,
		"clients=10.0.0.1": `not "clients=10.0.0.1"`,
		"client":           `not "client"`,
		"client=":          "client=: expected a value",
		"client=nobody":    "client=nobody: must be an address or a network",
		"client=fe80::1%":  "must be an address or a network",
		"client=10.0.0/8":  "must be an address or a network",
		"pid=-1":           `expected a PID, not "-1"`,
		"pid=4,x":          `expected a PID, not "x"`,
		"id=":              "id=: expected a value",
		"id=a,":            "expected a value",
		"state=relayin":    "expected one of connecting, negotiating",
		"older-than=0":     "expected a time above 0",
		"idle-for=-5s":     "expected a time above 0",
		"idle-for=soon":    "expected a time above 0",
		"idle-for=1e300":   "expected a time above 0",
		"idle-for=NaN":     "expected a time above 0",
		"target=":          "expected a value",
		"other-version=":   "expected a value",
	} {
		if f, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, f, err, want)
		}
	}
}

// TestEmptyKnowsEveryField: a filter with any condition is not empty, and has
// a text; this includes fields that are added later.
func TestEmptyKnowsEveryField(t *testing.T) {
	kind := reflect.TypeFor[control.Filter]()
	for i := range kind.NumField() {
		var f control.Filter
		switch v := reflect.ValueOf(&f).Elem().Field(i); v.Kind() {
		case reflect.Bool:
			continue // All
		case reflect.String:
			v.SetString("x")
		case reflect.Float64:
			v.SetFloat(1)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			if v.Index(0).Kind() == reflect.String {
				v.Index(0).SetString("x")
			}
		}
		if f.Empty() || Text(&f) == "" {
			t.Errorf("%s: empty %v, text %q", kind.Field(i).Name, f.Empty(), Text(&f))
		}
	}
	if !(&control.Filter{All: true}).Empty() {
		t.Error("All names something")
	}
}
