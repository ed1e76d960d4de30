// The exit statuses, and which error gives which.

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/metrics"
	"daemon/plug/cmd/plugctl/reach"
	"daemon/plug/cmd/plugctl/service"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/cmd/plugctl/top"
	"daemon/plug/supervisor/control"
)

// Exit statuses; if a signal ends top, it exits with 128 and the signal's
// number.
const (
	exitDone   = 0
	exitFailed = 1 // the master refused or failed, or stdout failed
	exitAway   = 2 // no master answered
	exitNone   = 3 // kill: no session matches
	exitUsage  = 5 // same as plug's
)

// errNone is the error of kill if no session matches.
var errNone = errors.New("no session matches")

// usageError is an error in the command line that is found only when the
// command runs.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// answeredError is an error that the printed answer already contains.
type answeredError struct{ error }

func (e answeredError) Unwrap() error { return e.error }

// report prints the error and returns the exit status.
func (c *ctl) report(ran *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	status := c.status(err)
	fmt.Fprintf(c.stderr, "plugctl: %s\n", show.Lines(err.Error()))
	if status == exitUsage {
		fmt.Fprintf(c.stderr, "usage: %s; see %s --help\n", ran.UseLine(), ran.CommandPath())
	} else if answered := (answeredError{}); c.JSON && !errors.As(err, &answered) {
		c.print(show.JSON(map[string]any{"version": control.Version, "done": false, "error": err.Error()}))
	}
	return status
}

func (c *ctl) status(err error) int {
	var usage usageError
	var ofService service.UsageError
	var ofMetrics metrics.UsageError
	var away *reach.Away
	var several *reach.Several
	var signaled top.Signaled
	switch {
	case !c.started, errors.As(err, &usage), errors.As(err, &ofService), errors.As(err, &ofMetrics), errors.As(err, &several):
		return exitUsage
	case errors.As(err, &away):
		return exitAway
	case errors.Is(err, errNone):
		return exitNone
	case errors.As(err, &signaled):
		return 128 + int(signaled.Signal)
	}
	return exitFailed
}
