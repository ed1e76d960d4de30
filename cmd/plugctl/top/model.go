package top

import (
	"fmt"
	"slices"
	"time"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// Snapshot is what a master said of itself at one time.
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
	Filter        control.Filter // of the sessions that are asked for
	Now           time.Time

	data  Snapshot
	at    time.Time // of data; zero before the first
	waits time.Time // since when an answer is awaited; zero if none is
	away  string    // why there is no answer; "" while there is

	pane  pane
	lists [2]cursor // of sessions and targets
	line  *prompt   // what is being typed or confirmed; nil if nothing is
	note  string    // what came of the last order, until the next key
}

// Action is what a key asks of whoever runs the Model. The zero one is nothing.
type Action struct {
	Quit, Suspend bool
	Refresh       bool             // ask for a Snapshot now
	Redraw        bool             // the screen may have been written over
	Order         *control.Request // ask this of the master
}

// Data takes a Snapshot in. The cursors stay on the session and on the target
// on which they are, wherever these have moved.
func (m *Model) Data(s Snapshot) {
	m.data, m.at, m.away, m.waits = s, m.Now, "", time.Time{}
	m.arrange()
}

// Waits says that a Snapshot has been asked for.
func (m *Model) Waits() { m.waits = m.Now }

// Away says that there was no answer, and why. What was known stays, with its
// age.
func (m *Model) Away(why string) { m.away, m.waits = why, time.Time{} }

// Said takes in what came of an order.
func (m *Model) Said(text string) { m.note = text }

func (m *Model) arrange() {
	show.Sort(m.data.Sessions, m.Sort, m.Reverse)
	for i := range m.lists {
		m.lists[i].follow(m.names(pane(i)))
	}
}

// names are what the rows of a pane are called, in their order.
func (m *Model) names(p pane) []string {
	var names []string
	if p == targets {
		seen := map[string]int{} // a target may be there more than once: its slots are told apart
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

// chosenSession is the one under the cursor; false if there is none.
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

// sortBy moves along the keys.
func (m *Model) sortBy(step int) {
	keys := show.SortKeys()
	m.Sort = keys[(slices.Index(keys, m.Sort)+step+len(keys))%len(keys)]
	m.arrange()
}
