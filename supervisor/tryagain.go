// Operations that are retried each second until they succeed, like watching a
// worker or a report pipe.

package supervisor

import "slices"

// watch makes sure that the worker's death is noticed.
func (m *master) watch(c *child) {
	m.attempt("watch the worker", func() error {
		if c.state == gone {
			return nil
		}
		return m.watcher.Child(c.id, c.pid, c.pidfd)
	}, "pid", c.pid)
}

// attempt does what is needed after a commit or the start of a worker, which
// cannot be undone if it fails. A failure is logged, and the operation is retried
// once a second until it succeeds.
func (m *master) attempt(what string, try func() error, args ...any) {
	if err := try(); err != nil {
		m.log.Error("cannot "+what+"; retrying", append(args, "error", err)...)
		m.failed = append(m.failed, try)
	}
}

// tryAgain retries, once a second, what has failed.
func (m *master) tryAgain() {
	m.failed = slices.DeleteFunc(m.failed, func(try func() error) bool { return try() == nil })
}
