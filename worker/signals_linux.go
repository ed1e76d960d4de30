//go:build linux && !portable

// The signals of a worker with the event loop.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
)

// fromTerminals are the signals that a terminal sends to a process group, and to a
// background process that uses it: only the master handles these. SIGPIPE is included
// because a write to a peer that has gone returns an error anyway.
var fromTerminals = [...]syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE}

// deadly are the signals that end a worker as TERM does: the master writes its lines.
// Otherwise Go's runtime would dump its goroutines and exit with 2, which is the status
// of a session without a target.
var deadly = [...]syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT}

// takeSignals sets the actions of a worker's signals without the runtime, because
// os/signal would cost threads and memory. It returns the runtime's actions for the
// deadly ones.
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
