// Command lines that are answered directly: --help, -V, --check, and errors.

package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker"
)

// Exit statuses of a command line that is answered, not served.
const (
	statusAnswered  = 0
	statusUnwritten = 1 // the answer could not be written
	statusUsage     = 5
)

// readCommandLine parses argv without the command's name. It returns the configuration to
// serve, or nil and the exit status after everything has been written to stdout or
// stderr; with an error, also that on one line.
func readCommandLine(argv []string, stdout, stderr io.Writer) (cfg *config.Config, status int, why error) {
	system := config.ThisSystem()
	system.Lacks = worker.Lacks
	asked, err := parseCommandLine(argv, system)
	var wrong *fileError
	switch {
	case errors.As(err, &wrong):
		io.WriteString(stderr, wrong.loaded.Complaints())
		return nil, statusUsage, err
	case err != nil:
		fmt.Fprintf(stderr, "plug: %v\n%s", err, hint)
		return nil, statusUsage, err
	}
	for _, warning := range asked.warnings {
		fmt.Fprintf(stderr, "plug: %s\n", warning)
	}
	io.WriteString(stderr, asked.notes)
	text := asked.answer()
	if text == "" {
		return asked.config, statusAnswered, nil
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		fmt.Fprintf(stderr, "plug: stdout: %v\n", err)
		return nil, statusUnwritten, err
	}
	return nil, statusAnswered, nil
}

// answer is the text for stdout, "" if the command is to serve.
func (c *command) answer() string {
	switch {
	case c.version:
		return fmt.Sprintf("plug: plugdaemon V%s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	case c.help:
		return usage()
	}
	return c.text
}

// hint is the line after the reason of a usage error.
const hint = "See \"plug --help\" for the options.\n"

// usage is the answer to --help.
func usage() string {
	var b strings.Builder
	b.WriteString(`usage: plug [options] source target...
       plug [-n] [-d] [-P FILE] --config PATH...

  source   port, :port, *:port, address:port or [v6]:port to listen on, or
           fd:NAME for a socket that the service manager passes; append
           /interface or /address to set where plug connects from
  target   address, address:port or [v6]:port; with -h also a host name

`)
	for _, o := range config.Options() {
		letter, long := "    ", ""
		if o.Letter != 0 {
			letter = "-" + string(o.Letter) + ", "
		}
		if o.Long != "" {
			long = "--" + o.Long
		} else {
			letter = letter[:2]
		}
		help := o.Help
		if o.Default != "" {
			help += " (" + o.Default + ")"
		}
		fmt.Fprintf(&b, "  %-28s %s\n", strings.TrimRight(letter+long+" "+o.Arg, " "), help)
	}
	b.WriteString("\nTIME is in seconds, or has units, as in 90 or 1h30m.\n")
	return b.String()
}
