// Tests of the table of workers' transitions: every cell is compared with a second
// table in the test.

package supervisor

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// cell is the expected content of one cell.
type cell struct {
	next lifeState
	do   string
}

// expected is the table of transitions a second time: a change of the table must be
// repeated here.
var expected = map[lifeState]map[lifeEvent]cell{
	starting: {isReady: {spare, "welcome"}, hasBegun: {busy, "welcomeBusy"}, hasEnded: {spare, "welcome"},
		toldDrain: {draining, "sendDrain"}, hasDied: {gone, "buryUnready"}},
	spare: {isReady: {spare, ""}, hasBegun: {busy, "list"}, hasEnded: {spare, ""},
		toldDrain: {draining, "sendDrain"}, hasDied: {gone, "burySpare"}},
	busy: {isReady: {busy, ""}, hasBegun: {busy, ""}, hasEnded: {spare, "unlist"},
		toldDrain: {draining, "sendDrain"}, hasDied: {gone, "bury"}},
	draining: {isReady: {draining, ""}, hasBegun: {draining, "list"}, hasEnded: {draining, "unlist"},
		toldDrain: {draining, ""}, hasDied: {gone, "bury"}},
	gone: {isReady: {gone, ""}, hasBegun: {gone, ""}, hasEnded: {gone, ""}, toldDrain: {gone, ""}, hasDied: {gone, ""}},
}

func nameOf(do func(*plug, *child)) string {
	if do == nil {
		return ""
	}
	name := runtime.FuncForPC(reflect.ValueOf(do).Pointer()).Name()
	return name[strings.LastIndex(name, ".")+1:]
}

func TestEveryCell(t *testing.T) {
	for state := range lifeStates {
		for event := range lifeEvents {
			want, got := expected[state][event], transitions[state][event]
			if got.next != want.next || nameOf(got.do) != want.do {
				t.Errorf("%s, event %d: next %s, does %q; want %s, %q", state, event, got.next, nameOf(got.do), want.next, want.do)
			}
		}
	}
}

// The comments name every state that can follow, and no other.
func TestCommentsNameTheNextStates(t *testing.T) {
	source, err := os.ReadFile("roster.go")
	if err != nil {
		t.Fatal(err)
	}
	for state := range lifeStates {
		line := regexp.MustCompile(`(?m)^\t` + state.String() + `\b.*next: (.*)$`).FindSubmatch(source)
		if line == nil {
			t.Errorf("%s: the comment names no next states", state)
			continue
		}
		named := strings.Split(string(line[1]), ", ")
		next := map[string]bool{}
		for _, cell := range transitions[state] {
			if cell.next != state {
				next[cell.next.String()] = true
			}
		}
		if len(next) == 0 {
			next["none"] = true
		}
		slices.Sort(named)
		if reached := slices.Sorted(maps.Keys(next)); !slices.Equal(named, reached) {
			t.Errorf("%s: the comment says %v, the table %v", state, named, reached)
		}
	}
}

// recordingTable returns a table whose actions only record their names.
func recordingTable(done *[]string) *[lifeStates][lifeEvents]transition {
	table := transitions
	for s := range table {
		for e := range table[s] {
			if name := nameOf(transitions[s][e].do); name != "" {
				table[s][e].do = func(*plug, *child) { *done = append(*done, name) }
			}
		}
	}
	return &table
}

// Whatever the order of events, the counts agree with the roster, and a dead
// worker never gets another state.
func TestCountsAreTheRosters(t *testing.T) {
	var done []string
	m, p := bareMaster(newConfig())
	m.transitions = recordingTable(&done)
	for range 20 {
		m.roster = append(m.roster, &child{generation: &generation{plug: p}})
		p.count[starting]++
	}
	buried := map[*child]int{}
	for step, n := range random(5000, len(m.roster)*int(lifeEvents)) {
		c, event := m.roster[n%len(m.roster)], lifeEvent(n/len(m.roster))
		if event == hasDied && step%7 != 0 {
			event = hasEnded // otherwise all would be dead soon
		}
		before, dead := len(done), c.state == gone
		m.apply(c, event)
		var count [lifeStates]int
		for _, c := range m.roster {
			count[c.state]++
		}
		if count != p.count {
			t.Fatalf("step %d: counts %v, the roster has %v", step, p.count, count)
		}
		if dead && (c.state != gone || len(done) != before) {
			t.Fatalf("step %d: a dead worker is %s, %v", step, c.state, done[before:])
		}
		if len(done) > before && strings.HasPrefix(done[before], "bury") {
			buried[c]++
		}
	}
	for c, n := range buried {
		if n != 1 || c.state != gone {
			t.Errorf("a worker was buried %d times, and is %s", n, c.state)
		}
	}
	if len(buried) == 0 {
		t.Error("no worker died")
	}
}

// random returns n numbers below limit, always the same ones.
func random(n, limit int) []int {
	out := make([]int, n)
	seed := uint32(1)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = int(seed>>8) % limit
	}
	return out
}

func TestStateNames(t *testing.T) {
	seen := map[string]bool{}
	for s := range lifeStates + 1 {
		if seen[s.String()] {
			t.Errorf("two states are %q", s)
		}
		seen[s.String()] = true
	}
	if lifeState(200).String() != "?" {
		t.Error("no state has a name")
	}
}
