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

// Signaled is Run's error when a signal has ended it, the terminal being given
// back.
type Signaled struct{ Signal syscall.Signal }

func (s Signaled) Error() string {
	return fmt.Sprintf("ended by signal %d (%v)", int(s.Signal), s.Signal)
}

// Run shows the screen until it is quit. Every interval it asks the master; a
// master that does not answer is asked on.
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

// runner is the Model between terminal, master and signals.
type runner struct {
	terminal  *terminal
	model     *Model
	questions chan question
	answers   chan answer
	keys      chan []Key // closed when the terminal is gone
	signals   chan os.Signal

	asked  bool       // a question is out: there is one at a time
	queued []question // orders first, in their order, then at most one Snapshot
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
	clock := time.NewTicker(time.Second) // what is old grows older
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
			// Nothing was stopped where there is no shell to continue it.
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

// press does what keys ask for; true is to quit.
func (r *runner) press(keys []Key) bool {
	for _, k := range keys {
		a := r.model.Press(k)
		switch {
		case a.Quit:
			return true
		case a.Suspend:
			r.terminal.leave()
			// As the terminal does for ^Z: the whole job. It was never asked of
			// package signal, which would keep it from stopping anything.
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
	case syscall.SIGWINCH: // the loop looks at the size anyway
	case syscall.SIGCONT:
		return r.terminal.enter()
	default:
		return Signaled{s}
	}
	return nil
}

// refresh asks for a Snapshot, unless one is asked for already.
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
		r.refresh() // what it changed is to be seen
	}
	r.next()
}

// refusesFilter reports whether the master has answered that the filter can take no
// session, as one of a target that the plug does not have.
func refusesFilter(err error, f *control.Filter) bool {
	var refused *control.RefusedError
	return errors.As(err, &refused) && !f.Empty()
}

// brief is why there is no answer, without the socket's path, which leaves no
// room for the reason on a line: the reason is what may change.
func brief(err error) string {
	text, named := strings.CutPrefix(err.Error(), "control socket ")
	if _, reason, cut := strings.Cut(text, ": "); named && cut {
		return reason
	}
	return text
}
