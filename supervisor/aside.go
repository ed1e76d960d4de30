// Calls that may wait for something outside the plug, like a network's disk: they
// are made in other goroutines than the loop, or with a time limit.

package supervisor

import (
	"errors"
	"fmt"
	"time"
)

// errAway is the error for a file system that does not return from a call.
var errAway = errors.New("the file system does not respond")

// asideKey identifies a call that a goroutine makes for the loop.
type asideKey struct {
	what string
	of   *plug // nil if the call is for the process
}

// aside is a call that a goroutine makes for the loop.
type aside struct {
	path  string // of the file that the call may wait for
	since time.Time
	said  bool // it has been logged that the call does not return
}

// asideBound is how long a call may take before that is logged.
const asideBound = 2 * time.Second

// aside runs a call that may wait for something outside the plug, like a network's
// disk, in a goroutine, and afterwards runs then in the loop. While a call of the
// same key is in progress, it starts nothing and returns false.
func (m *master) aside(key asideKey, path string, call, then func()) (started bool) {
	if m.asides[key] != nil {
		return false
	}
	if m.asides == nil {
		m.asides = map[asideKey]*aside{}
	}
	m.asides[key] = &aside{path: path, since: time.Now()}
	go func() {
		call()
		m.do(func() {
			delete(m.asides, key)
			then()
		})
	}()
	return true
}

// sayAway logs, once for each, which calls do not return.
func (m *master) sayAway(now time.Time) {
	for key, a := range m.asides {
		if !a.said && now.Sub(a.since) >= asideBound {
			a.said = true
			m.log.Error(key.what+" "+a.path, "error", errAway)
		}
	}
}

// within waits for a call that may wait for something outside the plug, for at
// most patience. After that, the call continues, and its result is dropped.
func within[T any](patience time.Duration, what string, call func() (T, error)) (T, error) {
	return withinOr(patience, what, call, func(T, error) {})
}

// withinOr is like within, for a result that must not be dropped: if it arrives
// after the patience, late gets it, in a goroutine of its own.
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

// nothing adapts a call that returns only an error for within.
func nothing(call func() error) func() (struct{}, error) {
	return func() (struct{}, error) { return struct{}{}, call() }
}
