//go:build !linux || portable

// The signals of a worker with the portable engine.

package worker

import (
	"os"
	"os/signal"
	"syscall"
)

// takeSignals ignores what a terminal sends, which only the master handles, and SIGPIPE,
// because a write to a peer that has gone returns an error anyway. QUIT and ABRT do what
// TERM does: otherwise Go's runtime would dump its goroutines, and exit with the status
// of a session without a target.
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
