// The goroutine that asks the master.

package top

import (
	"errors"

	"daemon/plug/cmd/plugctl/reach"
	"daemon/plug/supervisor/control"
)

// question is a request for a Snapshot, or an order to the master.
type question struct {
	filter control.Filter
	order  *control.Request
}

// answer is a Snapshot or the master's message about an order.
type answer struct {
	order    bool
	said     string
	snapshot Snapshot
	err      error
}

// Asker sends requests to one master, one after another, on a connection that
// it keeps. If the connection has ended, because of an upgrade or a restart,
// it finds the master again. Only one goroutine may use it.
type Asker struct {
	options reach.Options
	master  *reach.Master // nil while there is no connection
}

// NewAsker returns an Asker that is not connected yet.
func NewAsker(o reach.Options) *Asker { return &Asker{options: o} }

func (a *Asker) serve(questions <-chan question, answers chan<- answer) {
	for q := range questions {
		answers <- a.answer(q)
	}
}

func (a *Asker) answer(q question) answer {
	if q.order != nil {
		// A separate connection without a second attempt: an order is given
		// only once.
		m, err := a.options.Dial()
		if err != nil {
			return answer{order: true, err: err}
		}
		defer m.Close()
		r, err := m.Ask(*q.order)
		return answer{order: true, said: r.Said, err: err}
	}
	s, err := a.Snapshot(&q.filter)
	return answer{snapshot: s, err: err}
}

// Snapshot requests a Snapshot. After an error, the next call connects again.
func (a *Asker) Snapshot(filter *control.Filter) (s Snapshot, err error) {
	if a.master == nil {
		if a.master, err = a.options.Dial(); err != nil {
			return s, err
		}
	}
	defer func() {
		if err != nil {
			a.master.Close()
			a.master = nil
		}
	}()
	for _, request := range []control.Request{
		{Verb: control.GetStatus}, {Verb: control.GetSessions, Filter: filter}, {Verb: control.GetTargets},
	} {
		r, err := a.master.Ask(request)
		if err != nil {
			return s, err
		}
		if r.Status != nil {
			s.Status = r.Status
		}
		s.Sessions = append(s.Sessions, r.Sessions...)
		s.Targets = append(s.Targets, r.Targets...)
	}
	if s.Status == nil {
		return s, errors.New("the master's answer has no status")
	}
	return s, nil
}
