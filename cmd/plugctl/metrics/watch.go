// The last known state of a plug, shared by all readers of the page.

package metrics

import (
	"context"
	"time"

	"daemon/plug/supervisor/control"
)

// fresh is how old an answer may be that readers share; idle is how often the
// plug is asked without readers, which is also about the precision of "away
// since".
const (
	fresh = time.Second
	idle  = 10 * time.Second
)

// view is what is known about the plug. Its parts never change once it is
// made.
type view struct {
	Status   *control.Status // nil: it has never answered
	Metrics  *control.Metrics
	Sessions []control.Session
	Asked    time.Time // time of the request for the data above

	Targets map[string]int // by state, from the last request of any kind

	Away   time.Time // time since when it has not answered; zero: it answers
	Reason error     // the reason why it does not answer
}

// watch owns the last view. One goroutine asks, and serves all readers: the
// plug is asked once a second, however many readers there are.
type watch struct {
	plug    *Plug
	timeout time.Duration
	readers chan reader
	now     func() time.Time
}

// reader is a request for the view. A reader that only needs to know whether
// the plug answers does not make it list its sessions.
type reader struct {
	answer     chan view
	everything bool
}

func newWatch(plug *Plug, timeout time.Duration) *watch {
	return &watch{plug: plug, timeout: timeout, readers: make(chan reader), now: time.Now}
}

// run asks until the context ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	var v view
	var asked, heard time.Time // a request for everything; any request
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v = w.look(ctx, v, false)
			heard = w.now()
		case r := <-w.readers:
			switch {
			case r.everything && w.now().Sub(asked) >= fresh:
				v = w.look(ctx, v, true)
				heard = w.now()
				asked = heard
			case !r.everything && w.now().Sub(heard) >= fresh:
				v = w.look(ctx, v, false)
				heard = w.now()
			}
			r.answer <- v
		}
	}
}

// see returns a view that is at most a second old.
func (w *watch) see(ctx context.Context, everything bool) (view, error) {
	answer := make(chan view, 1)
	select {
	case w.readers <- reader{answer, everything}:
	case <-ctx.Done():
		return view{}, ctx.Err()
	}
	select {
	case v := <-answer:
		return v, nil
	case <-ctx.Done():
		return view{}, ctx.Err()
	}
}

// look asks the plug, either for everything or only whether it answers.
func (w *watch) look(ctx context.Context, last view, everything bool) view {
	ctx, stop := context.WithTimeout(ctx, w.timeout)
	defer stop()
	next, err := view{Asked: w.now()}, error(nil)
	if !everything {
		next.Status, err = w.plug.status(ctx)
	} else {
		a := w.plug.numbers(ctx)
		if next.Metrics, next.Status, err = a.metrics, a.status, a.err; err == nil {
			next.Sessions, err = w.plug.Ask.sessions(ctx)
		}
	}
	if err != nil {
		last.Reason = err
		if last.Away.IsZero() {
			last.Away = w.now()
		}
		return last
	}
	next.Targets = next.Status.Targets
	if !everything {
		last.Away, last.Reason, last.Targets = time.Time{}, nil, next.Targets
		return last
	}
	return next
}
