// Package reach finds a running plug's master, by its control socket or by its
// pidfile, and asks it. It also owns the errors for when there is no answer.
package reach

import (
	"errors"
	"time"

	"daemon/plug/supervisor/control"
)

// Options say which master is meant, and how long to wait for it. They are
// plugctl's global flags.
type Options struct {
	Control string        // the control socket's path; "": find it by Pidfile
	Pidfile string        // the first line has the master's PID; "": find the only plug
	Timeout time.Duration // for connecting, and for each line of an answer
	JSON    bool          // answers are printed as JSON
}

// Master is a connection to a master. Only one goroutine may use it.
type Master struct {
	at     place
	client *control.Client
}

// place is a control socket and how it was found; how is "" if it was given.
type place struct{ path, how string }

// Check returns a *Several if a name is needed to know which master is meant.
func (o *Options) Check() error {
	if o.Control != "" || o.Pidfile != "" {
		return nil
	}
	_, err := o.only()
	if several := (*Several)(nil); errors.As(err, &several) {
		return err
	}
	return nil
}

// Dial finds the master and connects to it. The error is a *Several or an
// *Away.
func (o *Options) Dial() (*Master, error) {
	at, err := o.find()
	if err != nil {
		return nil, err
	}
	return o.dial(at)
}

func (o *Options) dial(at place) (*Master, error) {
	c, err := control.Dial(at.path, o.Timeout)
	if err != nil {
		return nil, at.away(err)
	}
	return &Master{at, c}, nil
}

// away adds the pidfile to an error of the connection.
func (at place) away(err error) error {
	if at.how != "" {
		return awayf("%v; %s", err, at.how)
	}
	return awayf("%v", err)
}

// Close ends the connection.
func (m *Master) Close() { m.client.Close() }

// Do sends a request and calls each with every reply, like control.Client.Do.
// The error is a *control.RefusedError if the master says that it did not do
// it, an *Away if it did not answer.
func (m *Master) Do(request control.Request, each func(control.Reply)) error {
	return m.blame(m.client.Do(request, each))
}

// Ask sends a request and returns all replies as one, like control.Client.Ask;
// it has the errors of Do.
func (m *Master) Ask(request control.Request) (control.Reply, error) {
	r, err := m.client.Ask(request)
	return r, m.blame(err)
}

// Order is Ask for requests that take time: it calls progress with each
// report. It joins only the parts of replies that orders have: Said, Changed,
// Status, Sessions and Targets; also after an error, since an order may have
// been carried out in part.
func (m *Master) Order(request control.Request, progress func(control.Progress)) (all control.Reply, err error) {
	err = m.Do(request, func(r control.Reply) {
		if r.Progress != nil {
			progress(*r.Progress)
		}
		if r.Status != nil {
			all.Status = r.Status
		}
		all.Sessions = append(all.Sessions, r.Sessions...)
		all.Targets = append(all.Targets, r.Targets...)
		if r.Said != "" {
			all.Said = r.Said
		}
		if r.Changed != nil {
			all.Changed = r.Changed
		}
	})
	return all, err
}

func (m *Master) blame(err error) error {
	var refused *control.RefusedError
	if err == nil || errors.As(err, &refused) {
		return err
	}
	return m.at.away(err)
}
