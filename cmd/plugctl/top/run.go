// Run: it connects the Model to a terminal, to signals and to a master.

package top

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"daemon/plug/cmd/plugctl/reach"
	"daemon/plug/supervisor/control"
)

// Signaled is Run's error if a signal has ended it; the terminal is restored.
type Signaled struct{ Signal syscall.Signal }

func (s Signaled) Error() string {
	return fmt.Sprintf("ended by signal %d (%v)", int(s.Signal), s.Signal)
}

// Run shows the screen until the user quits. It asks the master at every
// interval, even if the master does not answer.
func Run(o reach.Options, m *Model, interval time.Duration, in, out *os.File) error {
	t, err := open(in, out)
	if err != nil {
		return err
	}
	defer t.leave()
	r := &runner{
		terminal: t, model: m,
		questions: make(chan question, 1), answers: make(chan answer, 1),
		keys: make(chan []Key), signals: make(chan os.Signal, 8),
	}
	signal.Notify(r.signals, syscall.SIGWINCH, syscall.SIGCONT,
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	defer signal.Stop(r.signals)
	go func() {
		defer t.guard()
		NewAsker(o).serve(r.questions, r.answers)
	}()
	go func() {
		defer t.guard()
		r.readKeys(in)
	}()
	return r.loop(interval)
}

// runner connects the Model to terminal, master and signals.
type runner struct {
	terminal  *terminal
	model     *Model
	questions chan question
	answers   chan answer
	keys      chan []Key // closed when the terminal is gone
	signals   chan os.Signal

	asked  bool       // a question is pending: only one at a time
	queued []question // first the orders in their order, then at most one Snapshot
}

func (r *runner) readKeys(in *os.File) {
	defer close(r.keys)
	buffer := make([]byte, 256)
	for {
		n, err := in.Read(buffer)
		if err != nil {
			return
		}
		r.keys <- Keys(buffer[:n])
	}
}

func (r *runner) loop(interval time.Duration) error {
	ask := time.NewTicker(interval)
	defer ask.Stop()
	clock := time.NewTicker(time.Second) // updates the ages on the screen
	defer clock.Stop()
	r.refresh()
	for {
		r.model.Now = time.Now()
		r.model.Width, r.model.Height = r.terminal.size()
		if err := r.terminal.draw(r.model.View()); err != nil {
			return err
		}
		select {
		case <-clock.C:
			// Without a shell that could continue it, the process did not
			// stop.
			if r.terminal.left() {
				if err := r.terminal.enter(); err != nil {
					return err
				}
			}
		case <-ask.C:
			r.refresh()
		case a := <-r.answers:
			r.take(a)
		case keys, ok := <-r.keys:
			if !ok || r.press(keys) {
				return nil
			}
		case s := <-r.signals:
			if err := r.signal(s.(syscall.Signal)); err != nil {
				return err
			}
		}
	}
}

// press handles keys; it returns true to quit.
func (r *runner) press(keys []Key) bool {
	for _, k := range keys {
		a := r.model.Press(k)
		switch {
		case a.Quit:
			return true
		case a.Suspend:
			r.terminal.leave()
			// Like the terminal for ^Z: the whole job stops. Package signal
			// must not be notified of SIGTSTP, or the process would not stop.
			syscall.Kill(0, syscall.SIGTSTP)
		case a.Order != nil:
			r.queued = append([]question{{order: a.Order}}, r.queued...)
			r.next()
		}
		if a.Redraw {
			r.terminal.enter()
		}
		if a.Refresh {
			r.refresh()
		}
	}
	return false
}

func (r *runner) signal(s syscall.Signal) error {
	switch s {
	case syscall.SIGWINCH: // the loop reads the size anyway
	case syscall.SIGCONT:
		return r.terminal.enter()
	default:
		return Signaled{s}
	}
	return nil
}

// refresh requests a Snapshot, unless one is already requested.
func (r *runner) refresh() {
	for _, q := range r.queued {
		if q.order == nil {
			return
		}
	}
	r.queued = append(r.queued, question{})
	r.next()
}

// next sends the next question, when the last one has been answered.
func (r *runner) next() {
	if r.asked || len(r.queued) == 0 {
		return
	}
	q := r.queued[0]
	r.queued = r.queued[1:]
	q.filter = r.model.Filter
	r.model.Waits()
	r.asked = true
	r.questions <- q
}

func (r *runner) take(a answer) {
	r.asked = false
	r.model.Now = time.Now()
	switch {
	case a.order && a.err != nil:
		r.model.Said(a.err.Error())
	case a.order:
		r.model.Said(a.said)
	case refusesFilter(a.err, &r.model.Filter):
		r.model.Filter = control.Filter{}
		r.model.Said(a.err.Error())
		r.refresh()
	case a.err != nil:
		r.model.Away(brief(a.err))
	default:
		r.model.Data(a.snapshot)
	}
	if a.order {
		r.refresh() // to show what it changed
	}
	r.next()
}

// refusesFilter reports whether the master has answered that the filter can
// match no session, for example one with a target that the plug does not have.
func refusesFilter(err error, f *control.Filter) bool {
	var refused *control.RefusedError
	return errors.As(err, &refused) && !f.Empty()
}

// brief is the reason why there is no answer, without the socket's path, which
// would leave no room for the reason on a line.
func brief(err error) string {
	text, named := strings.CutPrefix(err.Error(), "control socket ")
	if _, reason, cut := strings.Cut(text, ": "); named && cut {
		return reason
	}
	return text
}
