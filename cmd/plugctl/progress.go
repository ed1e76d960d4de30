// The progress of orders that take time.

package main

import (
	"fmt"
	"time"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// progress shows the progress of an order: with --json a line of JSON on
// stdout for each report; on a terminal one line that is updated; otherwise
// occasional lines on stderr.
type progress struct {
	ctl      *ctl
	terminal bool
	said     string
	next     time.Time // time before which no further line is printed (not on a terminal)
}

// everySoOften is the interval between progress lines that do not go to a
// terminal.
const everySoOften = time.Second

func (c *ctl) newProgress() *progress {
	return &progress{ctl: c, terminal: isTerminal(c.stderr)}
}

func (p *progress) show(now control.Progress) {
	if p.ctl.JSON {
		p.ctl.print(show.JSON(map[string]any{"version": control.Version, "progress": now}))
		return
	}
	text := fmt.Sprintf("%s: %s left", show.Clean(now.Phase), show.Plural(now.Sessions, "session"))
	if now.Phase == "upgrading" {
		text = fmt.Sprintf("upgrading: %s continue", show.Plural(now.Sessions, "session"))
	}
	switch at := p.ctl.now(); {
	case p.terminal:
		fmt.Fprintf(p.ctl.stderr, "\r%s\x1b[K", text)
	case text != p.said && !at.Before(p.next):
		fmt.Fprintln(p.ctl.stderr, text)
		p.next = at.Add(everySoOften)
	default:
		return
	}
	p.said = text
}

// end clears the updated line.
func (p *progress) end() {
	if p.terminal && p.said != "" {
		fmt.Fprint(p.ctl.stderr, "\r\x1b[K")
	}
}
