// What is tried again each second until it succeeds, like watching a worker or a
// report pipe.

package supervisor

import "slices"

// watch sees to it that the worker's death is noticed.
func (m *master) watch(c *child) {
	m.attempt("watch the worker", func() error {
		if c.state == gone {
			return nil
		}
		return m.watcher.Child(c.id, c.pid, c.pidfd)
	}, "pid", c.pid)
}

// attempt does what is needed after a commit or a birth, which can't be undone if
// it fails: then that is logged, and tried again once a second until it succeeds.
func (m *master) attempt(what string, try func() error, args ...any) {
	if err := try(); err != nil {
		m.log.Error("cannot "+what+"; retrying", append(args, "error", err)...)
		m.failed = append(m.failed, try)
	}
}

// tryAgain is the once-a-second look at what has failed.
func (m *master) tryAgain() {
	m.failed = slices.DeleteFunc(m.failed, func(try func() error) bool { return try() == nil })
}
