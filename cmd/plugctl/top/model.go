// The Model: the state of the screen, and how answers change it.

package top

import (
	"fmt"
	"slices"
	"time"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// Snapshot is a master's data at one time.
type Snapshot struct {
	Status   *control.Status   `json:"status"`
	Sessions []control.Session `json:"sessions"`
	Targets  []control.Target  `json:"targets"`
}

// pane is what the screen's body shows.
type pane int

const (
	sessions pane = iota
	targets
	help
)

// Model is the screen's state.
type Model struct {
	Width, Height int
	Sort          string // of show.SortKeys
	Reverse       bool
	Filter        control.Filter // of the requested sessions
	Now           time.Time

	data  Snapshot
	at    time.Time // time of data; zero before the first
	waits time.Time // time of the pending request; zero if there is none
	away  string    // the reason why there is no answer; "" if there is one

	pane  pane
	lists [2]cursor // of sessions and targets
	line  *prompt   // the input or confirmation in progress; nil if there is none
	note  string    // the result of the last order, until the next key
}

// Action is what the caller has to do after a key. The zero Action is nothing.
type Action struct {
	Quit, Suspend bool
	Refresh       bool             // request a Snapshot now
	Redraw        bool             // other output may have overwritten the screen
	Order         *control.Request // send this to the master
}

// Data stores a Snapshot. The cursors stay on their session and target, even
// if these have moved.
func (m *Model) Data(s Snapshot) {
	m.data, m.at, m.away, m.waits = s, m.Now, "", time.Time{}
	m.arrange()
}

// Waits notes that a Snapshot has been requested.
func (m *Model) Waits() { m.waits = m.Now }

// Away notes that there was no answer, and why. The old data stays, with its
// age.
func (m *Model) Away(why string) { m.away, m.waits = why, time.Time{} }

// Said stores the result of an order.
func (m *Model) Said(text string) { m.note = text }

func (m *Model) arrange() {
	show.Sort(m.data.Sessions, m.Sort, m.Reverse)
	for i := range m.lists {
		m.lists[i].follow(m.names(pane(i)))
	}
}

// names are the names of a pane's rows, in their order.
func (m *Model) names(p pane) []string {
	var names []string
	if p == targets {
		seen := map[string]int{} // a target may occur more than once: its slots are numbered
		for i := range m.data.Targets {
			name := m.data.Targets[i].Target
			seen[name]++
			names = append(names, fmt.Sprint(name, " ", seen[name]))
		}
		return names
	}
	for i := range m.data.Sessions {
		names = append(names, m.data.Sessions[i].ID)
	}
	return names
}

// chosenSession is the session under the cursor; false if there is none.
func (m *Model) chosenSession() (control.Session, bool) {
	i := m.lists[sessions].row
	if i >= len(m.data.Sessions) {
		return control.Session{}, false
	}
	return m.data.Sessions[i], true
}

func (m *Model) chosenTarget() (control.Target, bool) {
	i := m.lists[targets].row
	if i >= len(m.data.Targets) {
		return control.Target{}, false
	}
	return m.data.Targets[i], true
}

// sortBy moves to another sort key.
func (m *Model) sortBy(step int) {
	keys := show.SortKeys()
	m.Sort = keys[(slices.Index(keys, m.Sort)+step+len(keys))%len(keys)]
	m.arrange()
}
