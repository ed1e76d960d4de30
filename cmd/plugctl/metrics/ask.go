// The requests of the exporter to a plug: metrics, status and sessions.

package metrics

import (
	"context"
	"errors"
	"fmt"

	"daemon/plug/supervisor/control"
)

// Ask sends one request to a plug's control socket and passes its replies, one
// after another, to take, whose error ends the answer and is returned. It also
// returns an error if the plug cannot be reached, refuses, or has not sent its
// whole answer before the context ends.
type Ask func(ctx context.Context, request control.Request, take func(*control.Reply) error) error

// maxSessions limits the page; for more, there is plugctl sessions.
const maxSessions = 500

var errEnough = errors.New("enough")

func (ask Ask) metrics(ctx context.Context) (m *control.Metrics, err error) {
	err = ask(ctx, control.Request{Version: control.Version, Verb: control.GetMetrics}, func(r *control.Reply) error {
		switch {
		case r.Metrics == nil:
		case m == nil:
			m = r.Metrics
		default: // a further part of a long list (control.Reply)
			m.Targets = append(m.Targets, r.Metrics.Targets...)
		}
		return nil
	})
	if err == nil && m == nil {
		err = fmt.Errorf("the answer to %q has no metrics", control.GetMetrics)
	}
	return m, err
}

func (ask Ask) status(ctx context.Context) (s *control.Status, err error) {
	err = ask(ctx, control.Request{Version: control.Version, Verb: control.GetStatus}, func(r *control.Reply) error {
		if r.Status != nil {
			s = r.Status
		}
		return nil
	})
	if err == nil && s == nil {
		err = fmt.Errorf("the answer to %q has no status", control.GetStatus)
	}
	return s, err
}

// sessions are the live sessions, at most maxSessions.
func (ask Ask) sessions(ctx context.Context) (all []control.Session, err error) {
	err = ask(ctx, control.Request{Version: control.Version, Verb: control.GetSessions}, func(r *control.Reply) error {
		all = append(all, r.Sessions...)
		if len(all) > maxSessions {
			all = all[:maxSessions]
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return all, err
}
