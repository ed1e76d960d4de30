// Tests of what is asked of the system: users, groups and interfaces.

package config

import (
	"errors"
	"net/netip"
	"os"
	"reflect"
	"testing"
)

// house is a small system: the account www (33:33, also in 44), the group log
// (55), the interface eth0.
func house(euid int) *System {
	return &System{
		EUID: euid,
		Interface: func(name string) error {
			if name != "eth0" {
				return errors.New("this system has no interface " + name)
			}
			return nil
		},
		Local: func(addr netip.Addr) bool { return addr.IsLoopback() || addr == netip.MustParseAddr("192.0.2.7") },
		User: func(name string) (*User, error) {
			if name == "broken" {
				return nil, errors.New("looking up the user: input/output error")
			}
			if name != "www" && name != "33" {
				return nil, nil
			}
			return &User{Name: "www", UID: 33, GID: 33, Groups: []uint32{33, 44, 55}}, nil
		},
		Group: func(name string) (uint32, bool, error) { return 55, name == "log", nil },
	}
}

func TestParseUser(t *testing.T) {
	www := &User{"www", 33, 33, []uint32{33, 44, 55}}
	for _, test := range []struct {
		text string
		euid int
		user *User
		err  string
	}{
		{"www", 0, www, ""},
		{"33", 0, www, ""},
		{"www:log", 0, &User{"www", 33, 55, []uint32{55, 44}}, ""},
		{"www:7", 0, &User{"www", 33, 7, []uint32{7, 44, 55}}, ""},
		{"9:7", 0, &User{"9", 9, 7, []uint32{7}}, ""},
		{"9:log", 0, &User{"9", 9, 55, []uint32{55}}, ""},
		{"9", 0, nil, "error: no account has this number"},
		{"nobody", 0, nil, "error: expected a user that exists on this system"},
		{"4294967295:1", 0, nil, "error: expected a user that exists on this system"},
		{"www:4294967295", 0, nil, "error: expected a group that exists on this system"},
		{"www:staff", 0, nil, "error: expected a group that exists on this system"},
		{"-1:1", 0, nil, "error: expected a user that exists on this system"},
		{"broken", 0, nil, "error: looking up the user"},
		{"www", 1000, nil, "error: only root"},
		{"", 0, nil, "error: expected NAME"},
		{":log", 0, nil, "error: expected NAME"},
		{"www:", 1000, nil, "error: expected NAME"},
	} {
		user, err := parseUser(test.text, house(test.euid))
		if err != nil {
			expect(t, test.text, "error: "+err.Error(), test.err)
		} else if test.err != "" || !reflect.DeepEqual(user, test.user) {
			t.Errorf("%s: %+v, want %+v %s", test.text, user, test.user, test.err)
		}
	}
}

// TestThisSystem asks the real system about what every system has.
func TestThisSystem(t *testing.T) {
	system := ThisSystem()
	root, err := system.User("root")
	if err != nil || root == nil || root.UID != 0 || root.GID != 0 || len(root.Groups) == 0 || root.Groups[0] != 0 {
		t.Errorf("root is %+v, %v", root, err)
	}
	if zero, err := system.User("0"); err != nil || zero == nil || zero.UID != 0 {
		t.Errorf("0 is %+v, %v", zero, err)
	}
	for _, name := range []string{"nosuchuser", "3999999999"} {
		if user, err := system.User(name); user != nil || err != nil {
			t.Errorf("%s is %+v, %v", name, user, err)
		}
		if gid, known, err := system.Group(name); known || err != nil {
			t.Errorf("group %s is %d, %v", name, gid, err)
		}
	}
	if gid, known, err := system.Group("0"); gid != 0 || !known || err != nil {
		t.Errorf("group 0 is %d, %v, %v", gid, known, err)
	}
	if system.Interface("nosuchif0") == nil || system.Interface("1") != nil {
		t.Error("interfaces: nosuchif0 is none, the first is one")
	}
	if system.EUID != os.Geteuid() {
		t.Error("euid", system.EUID)
	}
}

// TestInterfaces: wherever an interface can be named, a missing one is reported.
func TestInterfaces(t *testing.T) {
	for _, test := range []struct {
		source, from, via string
		targets           []string
		option            string
	}{
		{"80/eth0", "fe80::1%eth0", "", []string{"fe80::2%eth0"}, ""},
		{"80/eth1", "", "", []string{"10.0.0.1"}, "source"},
		{"[fe80::1%eth1]:80", "", "", []string{"10.0.0.1"}, "source"},
		{"80", "fe80::1%eth1", "", []string{"fe80::2"}, "source-address"},
		{"80", "", "fe80::1%eth1", []string{"10.0.0.1"}, "via"},
		{"80", "", "", []string{"10.0.0.1", "fe80::1%eth1"}, "target"},
	} {
		d := NewDraft(house(0))
		d.Args = append([]string{test.source}, test.targets...)
		if test.from != "" {
			d.SourceAddress, _ = parseAddress(test.from)
		}
		if test.via != "" {
			d.Via, _ = parseVia(test.via)
		}
		_, err := d.Finish()
		var problem *Problem
		if errors.As(err, &problem); test.option == "" != (err == nil) || problem != nil && problem.Option != test.option {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
