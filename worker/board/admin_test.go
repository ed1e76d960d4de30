// Tests of enabled, draining and disabled targets: which one Choose picks.

package board

import (
	"strings"
	"testing"
)

// Which target a client gets, depending on the state that an admin has given
// each. Letters are targets: a capital is enabled, a lower-case letter
// draining, a dot disabled; a ! after one marks it failed.
func TestAdminChooses(t *testing.T) {
	for _, c := range []struct {
		targets string
		options uint32
		tried   []int
		has     int // the target of the client's affinity; -1 for none
		want    []int
	}{
		{"ABC", 0, nil, -1, []int{0, 1, 2, 0}},
		{"AbC", 0, nil, -1, []int{0, 2, 0, 2}},
		{"A.C", 0, nil, -1, []int{0, 2, 0, 2}},
		{".bC", 0, nil, -1, []int{2, 2}},
		{".b.", 0, nil, -1, []int{-1, -1}},
		{"...", OptOrdered, nil, -1, []int{-1}},
		{".BC", OptOrdered, nil, -1, []int{1, 1}},
		{"aBC", OptOrdered, nil, -1, []int{1, 1}},
		{"aBC", OptSticky, nil, 0, []int{0, 0}},
		{".BC", OptSticky, nil, 0, []int{1, 1}},
		{"abc", OptSticky, nil, 2, []int{2, 2}},
		{"abc", OptSticky, nil, -1, []int{-1}},
		{"A!bC", 0, nil, -1, []int{2, 2}},
		{"A!b", 0, nil, -1, []int{0}},         // all that are enabled have failed: good again
		{"A!B!c", 0, nil, -1, []int{0, 1, 0}}, // a good but draining target does not count
		{"AbC", 0, []int{0}, -1, []int{2, 2}},
		{"AbC", 0, []int{0, 2}, -1, []int{-1}},
	} {
		b := inStates(t, c.targets, c.options)
		from := client(7)
		if c.has >= 0 {
			b.remember(&from, c.has, 1)
		}
		var tried Tried
		for _, slot := range c.tried {
			tried.Add(slot)
		}
		for k, want := range c.want {
			slot, ok := b.Choose(&tried, &from, 1000)
			if !ok {
				slot = -1
			}
			if slot != want {
				t.Errorf("%s, options %b, tried %v: session %d gets %d, want %d", c.targets, c.options, c.tried, k, slot, want)
			}
			if c.options&OptSticky == 0 {
				from.IP[15]++
			}
		}
	}
}

// inStates returns a board whose targets are in these states, a letter for each.
func inStates(t *testing.T, targets string, options uint32) *Board {
	t.Helper()
	b := with(t, len(targets)-strings.Count(targets, "!"), options)
	i := -1
	for _, r := range targets {
		if r == '!' {
			b.TargetState(i).Failed.Store(1)
			continue
		}
		i++
		switch {
		case r == '.':
			b.TargetState(i).Admin.Store(Disabled)
		case r >= 'a':
			b.TargetState(i).Admin.Store(Draining)
		}
	}
	return b
}

func TestNoTargets(t *testing.T) {
	b := with(t, 2, 0)
	b.TargetState(0).Admin.Store(Disabled)
	if b.NoTargets() {
		t.Error("one is enabled")
	}
	b.TargetState(1).Admin.Store(Draining)
	if !b.NoTargets() {
		t.Error("none is enabled")
	}
}
