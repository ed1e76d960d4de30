//go:build !linux || portable

// The signals of a worker with the portable engine.

package worker

import (
	"os"
	"os/signal"
	"syscall"
)

// takeSignals ignores what a terminal sends, which is the master's business, and
// SIGPIPE, since a write to a peer that has gone is answered by its error. QUIT and
// ABRT do what TERM does: Go's runtime would dump its goroutines instead, and exit
// with the status of a session without a target.
func takeSignals() {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE)
	deadly := make(chan os.Signal, 1)
	signal.Notify(deadly, syscall.SIGQUIT, syscall.SIGABRT)
	go func() {
		for range deadly {
			syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}
	}()
}
