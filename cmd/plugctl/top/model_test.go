// Tests of the Model: screens, keys, cursors, prompts.

package top

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"daemon/plug/supervisor/control"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// some makes n sessions; the one with the highest number is the oldest.
func some(n int) Snapshot {
	s := Snapshot{
		Status: &control.Status{Label: "119", Mode: "prefork", Phase: "running", PID: 4742, Build: "3.0.0", Started: noon.Add(-time.Hour),
			Sessions: n, Workers: map[string]int{"busy": n, "spare": 4}, Targets: map[string]int{"good": 2}},
		Targets: []control.Target{{Target: "10.0.3.15:119", State: "good"}, {Target: "10.0.3.16:119", State: "good"}},
	}
	for i := range n {
		s.Sessions = append(s.Sessions, control.Session{ID: fmt.Sprintf("1-%d-1", i), PID: 5000 + i, Client: fmt.Sprintf("10.1.2.%d:40000", i),
			Target: "10.0.3.15:119", State: "relaying", Age: float64(100 + i), In: uint64(i * i % 7), Build: "3.0.0"})
	}
	return s
}

func newModel(n int) *Model {
	m := &Model{Width: 80, Height: 24, Sort: "age", Now: noon}
	m.Data(some(n))
	return m
}

func press(m *Model, keys string) (a Action) {
	for _, k := range Keys([]byte(keys)) {
		a = m.Press(k)
	}
	return a
}

func screen(m *Model) string {
	var b strings.Builder
	for _, line := range m.View() {
		b.WriteString(line.Text + "\n")
	}
	return b.String()
}

// chosen is the line under the cursor.
func chosen(m *Model) string {
	for _, line := range m.View() {
		if line.Style == Chosen {
			return strings.TrimRight(line.Text, " ")
		}
	}
	return ""
}

// TestScreen: 20 sessions fit into 80 columns and 24 lines, the oldest first.
func TestScreen(t *testing.T) {
	got := strings.Split(screen(newModel(20)), "\n")
	want := []string{
		"plug 119, prefork, running, PID 4742, up 1h00m, version 3.0.0",
		"20 sessions, 0 waiting; targets: 2 good; workers: 20 busy, 4 spare",
		"ID      PID CLIENT          TARGET        STATE      AGE IDLE IN OUT VERSION",
		"1-19-1 5019 10.1.2.19:40000 10.0.3.15:119 relaying 1m59s 0.0s  4   0 3.0.0",
	}
	for i := range want {
		if strings.TrimRight(got[i], " ") != want[i] {
			t.Errorf("line %d: %q, want %q", i, got[i], want[i])
		}
	}
	if len(got) != 25 || !strings.HasPrefix(got[22], "1-0-1  5000") || !strings.HasSuffix(got[23], " 1-20 of 20") {
		t.Errorf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// TestAnySize: at any size the screen has that many lines, none is too wide,
// and the cursor stays on its session.
func TestAnySize(t *testing.T) {
	m := newModel(60)
	press(m, "\x1b[6~\x1b[6~\x1b[B")
	s, _ := m.chosenSession()
	for _, keys := range []string{"", "h", "x\t", "\tk", "n/", "\r"} {
		press(m, keys)
		for width := 1; width < 120; width += 7 {
			for height := 1; height < 66; height += 4 {
				m.Width, m.Height = width, height
				lines := m.View()
				if len(lines) != height {
					t.Fatalf("%dx%d after %q: %d lines", width, height, keys, len(lines))
				}
				for _, line := range lines {
					if n := utf8.RuneCountInString(line.Text); n > width {
						t.Fatalf("%dx%d after %q: %d columns: %q", width, height, keys, n, line.Text)
					}
				}
				if m.pane == sessions && m.line == nil && height > around && width > 10 && !strings.HasPrefix(chosen(m), s.ID) {
					t.Fatalf("%dx%d: the cursor is on %q, not on %s", width, height, chosen(m), s.ID)
				}
			}
		}
	}
}

// A target that occurs twice has two rows, and the cursor passes both.
func TestCursorPassesTheSameTargetTwice(t *testing.T) {
	m := newModel(1)
	s := some(1)
	s.Targets = []control.Target{{Target: "10.0.3.15:119", Sessions: 1}, {Target: "10.0.3.15:119", Sessions: 2}, {Target: "10.0.3.16:119", Sessions: 3}}
	m.Data(s)
	press(m, "\t")
	for _, want := range []string{" 1 ", " 2 ", " 3 "} {
		if line := chosen(m); !strings.Contains(line, want) {
			t.Errorf("%q, want the one with%ssessions", line, want)
		}
		m.Data(s) // an answer in between
		m.Press(KeyDown)
	}
}

// On a narrow screen a question shows the possible answers, and an input its
// end.
func TestNarrowPrompts(t *testing.T) {
	for _, width := range []int{80, 40, 20, 9, 5} {
		m := newModel(3)
		m.Width = width
		press(m, "k")
		last := m.View()[m.Height-1].Text
		if want := "? (y/n) _"; !strings.HasSuffix(last, want[max(0, len(want)-width):]) || len(last) > width || width >= 20 && !strings.HasPrefix(last, "End session") {
			t.Errorf("%d columns: %q", width, last)
		}
		press(m, "n/client=10.1.2.0/24 idle-for=1m30s")
		last = m.View()[m.Height-1].Text
		if !strings.HasSuffix(last, "30s_") || len(last) > width {
			t.Errorf("%d columns: %q", width, last)
		}
	}
}

// TestCursorFollows: the cursor follows its session when the order changes;
// when the session has ended, it keeps its position.
func TestCursorFollows(t *testing.T) {
	m := newModel(50)
	press(m, "\x1b[B\x1b[B\x1b[B") // 1-46-1
	for _, keys := range []string{"r", "<", "<", ">", "spid\r", "r", "sage\r"} {
		press(m, keys)
		if !strings.HasPrefix(chosen(m), "1-46-1 ") {
			t.Errorf("after %q it is on %q", keys, chosen(m))
		}
	}
	m.Data(some(46))
	if !strings.HasPrefix(chosen(m), "1-42-1 ") { // the fourth of the remaining ones
		t.Errorf("its session has ended: %q", chosen(m))
	}
	m.Data(some(0))
	if got := chosen(m); got != "" {
		t.Errorf("no sessions: %q", got)
	}
	press(m, "\x1b[A\x1b[B\x1b[F\x1b[Hk")
	if !strings.Contains(screen(m), "no session to end") {
		t.Error(screen(m))
	}
	m.Data(some(3))
	press(m, "\x1b[F")
	if !strings.HasPrefix(chosen(m), "1-0-1 ") {
		t.Errorf("End: %q", chosen(m))
	}
}

// TestKill: the order is for the session in the question, even if the list has
// changed since; any key except y cancels it.
func TestKill(t *testing.T) {
	m := newModel(20)
	press(m, "\x1b[B") // 1-18-1
	if a := press(m, "k"); a != (Action{}) {
		t.Fatalf("k alone does %+v", a)
	}
	if !strings.Contains(screen(m), "End session 1-18-1, 10.1.2.18:40000 to 10.0.3.15:119? (y/n)") {
		t.Error(screen(m))
	}
	m.Data(some(5)) // 1-18-1 has ended in the meantime
	a := press(m, "y")
	want := &control.Request{Verb: control.Kill, Filter: &control.Filter{IDs: []string{"1-18-1"}}}
	if !reflect.DeepEqual(a.Order, want) {
		t.Errorf("y: %+v", a.Order)
	}
	for _, no := range []string{"n", "q", "\r", "\x1b", "\x1b[A", "k"} {
		press(m, "k")
		if a := press(m, no); a != (Action{}) || m.line != nil {
			t.Errorf("%q: %+v", no, a)
		}
	}
	press(m, "k")
	if a := press(m, "\x03"); !a.Quit {
		t.Error("^C does not quit while a question is open")
	}
}

func TestTargets(t *testing.T) {
	m := newModel(3)
	press(m, "\t\x1b[B")
	if !strings.HasPrefix(chosen(m), "10.0.3.16:119") {
		t.Fatal(chosen(m))
	}
	for key, state := range map[string]string{"d": "disabled", "D": "draining", "e": "enabled"} {
		a := press(m, key)
		want := &control.Request{Verb: control.SetTarget, Target: "10.0.3.16:119", State: state}
		if !reflect.DeepEqual(a.Order, want) {
			t.Errorf("%s: %+v", key, a.Order)
		}
	}
	if a := press(m, "k"); a != (Action{}) || m.line != nil {
		t.Error("k ends sessions from the targets")
	}
	if press(m, "\t"); m.pane != sessions {
		t.Error("Tab does not go back")
	}
	for _, key := range []string{"d", "D", "e"} {
		if a := press(m, key); a != (Action{}) {
			t.Errorf("%s steers targets from the sessions", key)
		}
	}
}

func TestFilter(t *testing.T) {
	m := newModel(3)
	press(m, "/client=10.0.0.0/9\x7f8 idle-for=1m")
	if a := press(m, "\r"); !a.Refresh || m.Filter.Client != "10.0.0.0/8" || m.Filter.IdleFor != 60 {
		t.Errorf("%+v, %+v", a, m.Filter)
	}
	if !strings.Contains(screen(m), "filter client=10.0.0.0/8 idle-for=1m0s: 1-3 of 3") {
		t.Error(screen(m))
	}
	if a := press(m, "/ nonsense\r"); a.Refresh || m.Filter.Client == "" || !strings.Contains(screen(m), `not "nonsense"`) {
		t.Errorf("%+v, %+v\n%s", a, m.Filter, screen(m))
	}
	press(m, "/\x15\x1b") // cancelled
	if m.Filter.Client == "" {
		t.Error("Escape has taken the filter away")
	}
	if a := press(m, "/\x15\r"); !a.Refresh || m.Filter.Client != "" {
		t.Errorf("%+v, %+v", a, m.Filter)
	}
	if press(m, "ssize\r"); m.Sort != "age" || !strings.Contains(screen(m), "expected one of id, pid") {
		t.Errorf("%s\n%s", m.Sort, screen(m))
	}
}

// TestSilence: if the master is silent, the screen shows that and the age of
// its data; it becomes normal when the master answers again.
func TestSilence(t *testing.T) {
	m := newModel(3)
	m.Waits()
	m.Now = noon.Add(2 * time.Second)
	if strings.Contains(screen(m), "NO ANSWER") {
		t.Error("too early:", screen(m))
	}
	m.Now = noon.Add(4 * time.Second)
	if !strings.Contains(screen(m), "4.0s OLD. NO ANSWER for 4.0s") {
		t.Error(screen(m))
	}
	m.Away("control socket /run/x: nobody\x1b[2J listens there")
	m.Now = noon.Add(12 * time.Second)
	if !strings.Contains(screen(m), `12s OLD. NO ANSWER: control socket /run/x: nobody\x1b[2J listens there`) || !strings.Contains(screen(m), "1-2-1") {
		t.Error(screen(m))
	}
	m.Data(some(1))
	if got := screen(m); strings.Contains(got, "NO ANSWER") || strings.Contains(got, "OLD") || strings.Contains(got, "1-2-1") {
		t.Error(got)
	}
	never := &Model{Width: 80, Height: 24, Sort: "id", Now: noon}
	if !strings.Contains(screen(never), "waiting for the master") {
		t.Error(screen(never))
	}
	never.Away("why")
	if !strings.Contains(screen(never), "NO ANSWER: why") || strings.Contains(screen(never), "OLD") {
		t.Error(screen(never))
	}
}

func TestKeys(t *testing.T) {
	for in, want := range map[string][]Key{
		"":                  nil,
		"q":                 {'q'},
		"\x1b":              {keyEscape},
		"\x1b[A\x1bOB":      {KeyUp, KeyDown},
		"\x1b[5~\x1b[6~x":   {KeyPageUp, KeyPageDown, 'x'},
		"\x1b[H\x1b[4~":     {KeyHome, KeyEnd},
		"\x1b[1;5Ay":        {KeyUnknown, 'y'},
		"\x1b[200~":         {KeyUnknown},
		"\x1bxy":            {KeyUnknown, 'y'},
		"\x1b[":             {KeyUnknown},
		"\x1bO":             {KeyUnknown},
		"ä\x03":             {'ä', keyInterrupt},
		"\xff":              {utf8.RuneError},
		"\x1b[31;42;7;8;9p": {KeyUnknown},
	} {
		if got := Keys([]byte(in)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

// FuzzPress: no keys crash the screen, make a line too wide, or end a session
// without a y.
func FuzzPress(f *testing.F) {
	f.Add("\x1b[Bk/client=\r\tde")
	f.Add("s\x7f\x7f\x1b[")
	f.Fuzz(func(t *testing.T, keys string) {
		m := newModel(30)
		for _, k := range Keys([]byte(keys)) {
			if a := m.Press(k); a.Order != nil && a.Order.Verb == control.Kill && k != 'y' && k != 'Y' {
				t.Fatalf("%q ends %+v", keys, a.Order)
			}
			for _, line := range m.View() {
				if utf8.RuneCountInString(line.Text) > m.Width || strings.ContainsRune(line.Text, 0x1b) {
					t.Fatalf("%q: %q", keys, line.Text)
				}
			}
		}
	})
}
