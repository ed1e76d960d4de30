//go:build linux && !portable

// The signals of a worker with the event loop.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
)

// fromTerminals are the signals that a terminal sends to a process group, and to
// a background process that uses it: they are the master's business. SIGPIPE is
// one for a write to a peer that has gone, which is answered by its error.
var fromTerminals = [...]syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE}

// deadly are the signals that end a worker as TERM does: the master writes its
// lines. Go's runtime would dump its goroutines instead and exit with 2, which
// is the status of a session without a target.
var deadly = [...]syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT}

// takeSignals sets the actions of a worker's signals behind the runtime's back,
// since os/signal would cost threads and memory, and returns the runtime's own of
// the deadly ones.
func takeSignals() (ofRuntime [len(deadly)]kernel.Action) {
	for _, s := range fromTerminals {
		kernel.SetAction(s, &kernel.IgnoreAction, nil)
	}
	old := new([len(deadly)]kernel.Action)
	for i, s := range deadly {
		kernel.SetAction(s, &kernel.DefaultAction, &old[i])
	}
	return *old
}
