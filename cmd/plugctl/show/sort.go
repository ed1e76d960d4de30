// Sorting of sessions.

package show

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"daemon/plug/supervisor/control"
)

// order compares two sessions by one of their columns.
type order struct {
	key     string
	descend bool // largest first, unless reversed: those are of most interest
	compare func(a, b *control.Session) int
}

var orders = []order{
	{"id", false, func(a, b *control.Session) int { return natural(a.ID, b.ID) }},
	{"pid", false, func(a, b *control.Session) int { return cmp.Compare(a.PID, b.PID) }},
	{"client", false, func(a, b *control.Session) int { return compareAddress(a.Client, b.Client) }},
	{"target", false, func(a, b *control.Session) int { return compareAddress(a.Target, b.Target) }},
	{"state", false, func(a, b *control.Session) int { return cmp.Compare(a.State, b.State) }},
	{"age", true, func(a, b *control.Session) int { return cmp.Compare(a.Age, b.Age) }},
	{"idle", true, func(a, b *control.Session) int { return cmp.Compare(a.Idle, b.Idle) }},
	{"in", true, func(a, b *control.Session) int { return cmp.Compare(a.In, b.In) }},
	{"out", true, func(a, b *control.Session) int { return cmp.Compare(a.Out, b.Out) }},
	{"version", false, func(a, b *control.Session) int { return cmp.Compare(a.Build, b.Build) }},
}

// SortKeys are the keys of Sort: the columns of Sessions, in their order.
func SortKeys() []string {
	keys := make([]string, len(orders))
	for i, o := range orders {
		keys[i] = o.key
	}
	return keys
}

// Sort sorts sessions by one of SortKeys, and equal ones by their IDs. Names
// and PIDs ascend; ages, idle times and bytes descend; reverse reverses the
// order. It panics for an unknown key, which is the caller's error.
func Sort(sessions []control.Session, key string, reverse bool) {
	i := slices.IndexFunc(orders, func(o order) bool { return o.key == key })
	o := &orders[i]
	sign := 1
	if o.descend != reverse {
		sign = -1
	}
	slices.SortStableFunc(sessions, func(a, b control.Session) int {
		if c := sign * o.compare(&a, &b); c != 0 {
			return c
		}
		return natural(a.ID, b.ID)
	})
}

// natural compares IDs in the order in which they were assigned: numbers by
// value.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na == 0 || nb == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		da, db := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
		if c := cmp.Or(cmp.Compare(len(da), len(db)), cmp.Compare(da, db)); c != 0 {
			return c
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is the number of digits at the start of text.
func digits(text string) int {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	return n
}

// compareAddress compares addresses by value; addresses come before other
// texts.
func compareAddress(a, b string) int {
	pa, errA := netip.ParseAddrPort(a)
	pb, errB := netip.ParseAddrPort(b)
	switch {
	case errA == nil && errB == nil:
		return pa.Compare(pb)
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return natural(a, b)
}
