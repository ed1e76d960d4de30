// Tests of filters.

package control

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	s := Session{ID: "3-17-42", PID: 4711, Client: "10.1.2.3:40000", Target: "192.0.2.7:119", State: "relaying", Age: 100, Idle: 7, Build: "3.1"}
	six := Session{ID: "3-18-0", PID: 4712, Client: "[2001:db8::9%eth0]:1", Target: "", State: "connecting", Build: "3.0"}
	for name, c := range map[string]struct {
		filter    *Filter
		first, v6 bool
	}{
		"none":                      {nil, true, true},
		"empty":                     {&Filter{}, true, true},
		"all":                       {&Filter{All: true}, true, true},
		"its id":                    {&Filter{IDs: []string{"1-1-1", "3-17-42"}}, true, false},
		"another id":                {&Filter{IDs: []string{"3-17-43"}}, false, false},
		"its PID":                   {&Filter{PIDs: []int{1, 4711}}, true, false},
		"its address":               {&Filter{Client: "10.1.2.3"}, true, false},
		"its address, mapped":       {&Filter{Client: "::ffff:10.1.2.3"}, true, false},
		"its network":               {&Filter{Client: "10.1.0.0/16"}, true, false},
		"its network, host bits":    {&Filter{Client: "10.1.9.9/16"}, true, false},
		"its network, mapped":       {&Filter{Client: "::ffff:10.0.0.0/104"}, true, false},
		"another network, mapped":   {&Filter{Client: "::ffff:11.0.0.0/104"}, false, false},
		"all of IPv4, mapped":       {&Filter{Client: "::ffff:0:0/96"}, true, false},
		"its address and port":      {&Filter{Client: "10.1.2.3:40000"}, true, false},
		"its address, another port": {&Filter{Client: "10.1.2.3:40001"}, false, false},
		"its zone":                  {&Filter{Client: "2001:db8::9%eth0"}, false, true},
		"another zone":              {&Filter{Client: "2001:db8::9%eth1"}, false, false},
		"its network and zone":      {&Filter{Client: "2001:db8::/32%eth0"}, false, true},
		"its network, another zone": {&Filter{Client: "2001:db8::%eth1/32"}, false, false},
		"its port too, with a zone": {&Filter{Client: "[2001:db8::9%eth0]:1"}, false, true},
		"its target's network":      {&Filter{Target: "192.0.2.0/24"}, true, false},
		"its target, mapped":        {&Filter{Target: "[::ffff:192.0.2.7]:119"}, true, false},
		"its target, in brackets":   {&Filter{Target: "[::ffff:192.0.2.7]"}, true, false},
		"another network":           {&Filter{Client: "10.2.0.0/16"}, false, false},
		"everybody of IPv4":         {&Filter{Client: "0.0.0.0/0"}, true, false},
		"a network of IPv6":         {&Filter{Client: "2001:db8::/32"}, false, true},
		"an address of IPv6":        {&Filter{Client: "2001:db8::9"}, false, true},
		"its target":                {&Filter{Target: "192.0.2.7:119"}, true, false},
		"its target's address":      {&Filter{Target: "192.0.2.7"}, true, false},
		"its target, another port":  {&Filter{Target: "192.0.2.7:120"}, false, false},
		"a name for the target":     {&Filter{Target: "news.example:119"}, false, false},
		"its state":                 {&Filter{State: "relaying"}, true, false},
		"older":                     {&Filter{OlderThan: 100}, true, false},
		"not so old":                {&Filter{OlderThan: 100.5}, false, false},
		"idle":                      {&Filter{IdleFor: 7}, true, false},
		"not so idle":               {&Filter{IdleFor: 8}, false, false},
		"its version":               {&Filter{Worker: "3.1"}, true, false},
		"all but its version":       {&Filter{NotVersion: "3.1"}, false, true},
		"everything that it names":  {&Filter{Client: "10.0.0.0/8", PIDs: []int{4711}, OlderThan: 1}, true, false},
		"something that is not so":  {&Filter{Client: "10.0.0.0/8", PIDs: []int{4712}}, false, false},
		"all, but what it names":    {&Filter{All: true, PIDs: []int{4712}}, false, true},
		"a connecting one's target": {&Filter{Target: "0.0.0.0"}, false, false},
	} {
		match, err := c.filter.Match()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if match(&s) != c.first || match(&six) != c.v6 {
			t.Errorf("%s takes %v and %v, want %v and %v", name, match(&s), match(&six), c.first, c.v6)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for _, c := range []struct {
		filter Filter
		reason string
	}{
		{Filter{Client: "10.0.0/8"}, `client "10.0.0/8": must be an address or a network`},
		{Filter{Client: "::ffff:10.0.0.0/129"}, "client"},
		{Filter{Client: "10.0.0.1:0"}, "client"},
		{Filter{Target: "10.0.0.1:99999"}, `target "10.0.0.1:99999": must be an address, a network or a host name`},
		{Filter{Target: "10.0.0/8"}, "target"},
		{Filter{Target: "10.0.3"}, "target"},
		{Filter{Target: "news example:119"}, "target"},
		{Filter{Target: "news.example:"}, "target"},
		{Filter{Target: "news.example:0"}, "target"},
		{Filter{Target: "[2001:db8::1"}, "target"},
		{Filter{OlderThan: -1}, "older_than_seconds -1: must be above 0"},
		{Filter{IdleFor: -0.5}, "idle_for_seconds -0.5: must be above 0"},
		{Filter{OlderThan: math.NaN()}, "must be above 0"},
		{Filter{PIDs: []int{7, 0}}, "PID 0: must be above 0"},
		{Filter{PIDs: []int{-7}}, "PID -7"},
		{Filter{Client: "example.org"}, "client"},
		{Filter{Client: "10.0.0.0/33"}, "client"},
		{Filter{State: "asleep"}, `state "asleep": must be one of connecting, negotiating`},
		{Filter{IDs: []string{"7"}}, `session "7": must be an ID of three numbers`},
		{Filter{IDs: []string{"1-2-"}}, "three numbers"},
		{Filter{IDs: []string{"1-2-3-4"}}, "three numbers"},
		{Filter{IDs: []string{"1--3"}}, "three numbers"},
		{Filter{IDs: []string{"1-2-x"}}, "three numbers"},
	} {
		if _, err := c.filter.Match(); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%+v: %v, want %q", c.filter, err, c.reason)
		}
	}
}

// A filter without conditions is empty; with any field set it is not.
func TestFilterEmpty(t *testing.T) {
	for _, f := range []*Filter{nil, {}, {All: true}, {IDs: []string{}}} {
		if !f.Empty() {
			t.Errorf("%+v is not empty", f)
		}
	}
	for _, f := range []Filter{{IDs: []string{"1-1-1"}}, {PIDs: []int{1}}, {Client: "::"}, {Target: "x"}, {State: "delivering"}, {OlderThan: 1}, {IdleFor: 1}, {Worker: "x"}, {NotVersion: "x"}} {
		if f.Empty() {
			t.Errorf("%+v is empty", f)
		}
	}
}

// With -h targets are names: a filter finds them with and without the port.
func TestFilterOfNames(t *testing.T) {
	s := Session{Target: "News.example:119"}
	for target, want := range map[string]bool{
		"news.example:119": true, "news.example": true, "NEWS.EXAMPLE": true, "news.example:120": false, "example": false, "news": false, "10.0.0.1": false,
	} {
		match, err := (&Filter{Target: target}).Match()
		if err != nil || match(&s) != want {
			t.Errorf("%s: %v, want %v", target, err, want)
		}
	}
}

// The server requires from every client what a kill must say.
func TestFilterKills(t *testing.T) {
	for _, c := range []struct {
		filter *Filter
		reason string
	}{
		{nil, "no sessions selected"},
		{&Filter{}, "no sessions selected"},
		{&Filter{All: true}, ""},
		{&Filter{PIDs: []int{7}}, ""},
		{&Filter{All: true, PIDs: []int{7}}, "all cannot be combined"},
	} {
		if err := c.filter.Kills(); (err == nil) != (c.reason == "") || err != nil && !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%+v: %v, want %q", c.filter, err, c.reason)
		}
	}
}

// An unknown condition would not be applied.
func TestFilterUnknownField(t *testing.T) {
	var r Request
	err := json.Unmarshal([]byte(`{"version":1,"verb":"kill","mood":7,"filter":{"client":"10.0.0.0/8","idle_for":3600}}`), &r)
	if err == nil || !strings.Contains(err.Error(), `unknown field "idle_for"`) {
		t.Errorf("%v, %+v", err, r.Filter)
	}
	if err := json.Unmarshal([]byte(`{"version":1,"verb":"kill","mood":7,"filter":{"client":"10.0.0.0/8","idle_for_seconds":3600}}`), &r); err != nil || r.Filter.IdleFor != 3600 {
		t.Errorf("%v, %+v", err, r.Filter)
	}
}
