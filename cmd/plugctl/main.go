// Command plugctl is the admin's client of running plugs: it finds a master by
// its control socket, sends one request, prints the answer and exits with the
// result.
//
//	reach   finds the master and sends it requests
//	show    formats its replies as text and JSON
//	top     the live screen
//	metrics numbers for Prometheus, the status page
//	service units and scripts
//
// Everything that would make the plug binary large lives here instead.
package main

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// version is the release, followed by + and the revision that it was built
// from; make sets it.
var version = "3.0.0-dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	return (&ctl{stdout: stdout, stderr: stderr, now: time.Now}).run(args)
}

// isTerminal reports whether output goes to a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
