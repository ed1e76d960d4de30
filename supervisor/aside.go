// Calls that may wait for what is outside the plug, like a network's disk: they are
// made beside the loop, or with a bound.

package supervisor

import (
	"errors"
	"fmt"
	"time"
)

// errAway is what is said of a file system that does not come back from a call.
var errAway = errors.New("the file system does not respond")

// aside is a call that is under way for the loop.
type aside struct {
	path  string // that it waits for
	since time.Time
	said  bool // that it does not come back
}

// asideBound is how long a call may take before that is logged.
const asideBound = 2 * time.Second

// aside has something done that may wait for what is outside the plug, like a
// network's disk, by a goroutine, and then what follows by the loop. Nothing
// starts while something of the same name is under way: that returns false.
func (m *master) aside(name, path string, call, then func()) (started bool) {
	if m.asides[name] != nil {
		return false
	}
	if m.asides == nil {
		m.asides = map[string]*aside{}
	}
	m.asides[name] = &aside{path: path, since: time.Now()}
	go func() {
		call()
		m.do(func() {
			delete(m.asides, name)
			then()
		})
	}()
	return true
}

// sayAway logs, once for each, which calls do not come back.
func (m *master) sayAway(now time.Time) {
	for name, a := range m.asides {
		if !a.said && now.Sub(a.since) >= asideBound {
			a.said = true
			m.log.Error(name+" "+a.path, "error", errAway)
		}
	}
}

// within waits for a call that may wait for what is outside the plug, but not for
// longer than patience: then the call goes on, and its result is dropped.
func within[T any](patience time.Duration, what string, call func() (T, error)) (T, error) {
	return withinOr(patience, what, call, func(T, error) {})
}

// withinOr is within for a result that must not be dropped: late gets it, in a
// goroutine of its own, if it comes when the patience is over.
func withinOr[T any](patience time.Duration, what string, call func() (T, error), late func(T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-time.After(patience):
		go func() {
			r := <-done
			late(r.value, r.err)
		}()
		var none T
		return none, fmt.Errorf("%s: %w", what, errAway)
	}
}

// nothing makes a call one that has no result but its error, for within.
func nothing(call func() error) func() (struct{}, error) {
	return func() (struct{}, error) { return struct{}{}, call() }
}
