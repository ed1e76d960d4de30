// What each key does.

package top

import (
	"fmt"
	"slices"
	"strings"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// Press handles a key.
func (m *Model) Press(k Key) Action {
	switch {
	case k == keyInterrupt:
		return Action{Quit: true}
	case k == keySuspend:
		return Action{Suspend: true}
	case k == keyRedraw:
		return Action{Redraw: true, Refresh: true}
	case m.line != nil:
		return m.typed(k)
	}
	m.note = ""
	if m.pane == help {
		m.pane = sessions // any key closes it
		return Action{Quit: k == 'q'}
	}
	if m.moves(k) {
		return Action{}
	}
	switch k {
	case 'q':
		return Action{Quit: true}
	case ' ':
		return Action{Refresh: true}
	case 'h', '?':
		m.pane = help
	case keyTab:
		m.pane = sessions + targets - m.pane
	default:
		if m.pane == targets {
			return m.pressTargets(k)
		}
		return m.pressSessions(k)
	}
	return Action{}
}

// moves handles the cursor keys.
func (m *Model) moves(k Key) bool {
	c, names := &m.lists[m.pane], m.names(m.pane)
	switch k {
	case KeyUp:
		c.set(c.row-1, names)
	case KeyDown:
		c.set(c.row+1, names)
	case KeyPageUp:
		c.set(c.row-m.room(), names)
	case KeyPageDown:
		c.set(c.row+m.room(), names)
	case KeyHome:
		c.set(0, names)
	case KeyEnd:
		c.set(len(names)-1, names)
	default:
		return false
	}
	return true
}

func (m *Model) pressSessions(k Key) Action {
	switch k {
	case '<':
		m.sortBy(-1)
	case '>':
		m.sortBy(+1)
	case 'r':
		m.Reverse = !m.Reverse
		m.arrange()
	case 's':
		m.line = &prompt{ask: "sort by: ", accept: m.acceptSort}
	case '/':
		m.line = &prompt{ask: "filter: ", text: pick.Text(&m.Filter), accept: m.acceptFilter}
	case 'k':
		m.askKill()
	}
	return Action{}
}

// askKill stores the session's ID with the question: changes of the list
// before the answer have no effect on which session is meant.
func (m *Model) askKill() {
	s, ok := m.chosenSession()
	if !ok {
		m.note = "no session to end"
		return
	}
	m.line = &prompt{
		ask:     show.Clean(fmt.Sprintf("End session %s, %s to %s", s.ID, s.Client, s.Target)),
		confirm: &control.Request{Verb: control.Kill, Filter: &control.Filter{IDs: []string{s.ID}}},
	}
}

func (m *Model) pressTargets(k Key) Action {
	state := map[Key]string{'d': "disabled", 'D': "draining", 'e': "enabled"}[k]
	t, ok := m.chosenTarget()
	if state == "" || !ok {
		return Action{}
	}
	return Action{Order: &control.Request{Verb: control.SetTarget, Target: t.Target, State: state}}
}

func (m *Model) acceptSort(text string) (Action, error) {
	if !slices.Contains(show.SortKeys(), text) {
		return Action{}, fmt.Errorf("expected one of %s", strings.Join(show.SortKeys(), ", "))
	}
	m.Sort = text
	m.arrange()
	return Action{}, nil
}

func (m *Model) acceptFilter(text string) (Action, error) {
	f, err := pick.Parse(text)
	if err != nil {
		return Action{}, err
	}
	m.Filter = *f
	return Action{Refresh: true}, nil
}
