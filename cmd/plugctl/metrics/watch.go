package metrics

import (
	"context"
	"time"

	"daemon/plug/supervisor/control"
)

// fresh is how old an answer may be that several readers share; idle is how
// often the plug is asked while nobody reads, so that "away since" is true to
// about that.
const (
	fresh = time.Second
	idle  = 10 * time.Second
)

// view is what is known about the plug. Its parts are never changed once made.
type view struct {
	Status   *control.Status // nil: it has never answered
	Metrics  *control.Metrics
	Sessions []control.Session
	Asked    time.Time // when it was asked for what stands above

	Targets map[string]int // by state, when it was last asked for anything

	Away   time.Time // since when it does not answer; zero: it does
	Reason error     // why not
}

// watch owns the last view. One goroutine asks, and serves all readers: however
// many there are, the plug is asked once a second.
type watch struct {
	plug    *Plug
	timeout time.Duration
	readers chan reader
	now     func() time.Time
}

// reader is one who wants the view. Who wants only to know whether the plug is
// there does not make it list its sessions.
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
	var asked, heard time.Time // for everything; at all
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

// see is the view as of now, or of a second ago.
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

// look asks the plug, for everything or only whether it is there.
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
