// One run of plugctl: parsing, errors, and printing answers as text or JSON.

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"daemon/plug/cmd/plugctl/reach"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// ctl is one run of plugctl: the global flags and the outputs.
type ctl struct {
	reach.Options
	named          []named // all plugs that -s and -P name
	stdout, stderr io.Writer
	now            func() time.Time
	started        bool // the command line is correct: later errors are not usage errors
}

func (c *ctl) run(args []string) int {
	root := c.root()
	root.SetArgs(args)
	out := &keeper{Writer: c.stdout}
	root.SetOut(out)
	root.SetErr(c.stderr)
	ran, err := root.ExecuteC()
	if out.err != nil { // in help, version or completion: cobra returns no error for it
		c.started = true
		err = fmt.Errorf("stdout: %w", out.err)
	}
	return c.report(ran, err)
}

// keeper keeps the first error of writing to it.
type keeper struct {
	io.Writer
	err error
}

func (k *keeper) Write(p []byte) (int, error) {
	n, err := k.Writer.Write(p)
	if k.err == nil {
		k.err = err
	}
	return n, err
}

// answer prints text, or with --json the master's reply. The keys are those of
// control.Reply; a requested list is there even if it is empty.
func (c *ctl) answer(text string, json map[string]any) error {
	if !c.JSON {
		return c.print([]byte(text))
	}
	json["version"] = control.Version
	json["done"] = json["error"] == nil
	return c.print(show.JSON(json))
}

func (c *ctl) print(text []byte) error {
	if _, err := c.stdout.Write(text); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// table returns a table as text. On a terminal it is made to fit: less
// important columns are omitted unless whole is set.
func (c *ctl) table(t *show.Table, whole bool) string {
	if f, ok := c.stdout.(*os.File); ok && !whole {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return strings.Join(t.Fit(width), "\n") + "\n"
		}
	}
	return t.Text(show.Terminal)
}

// list returns a slice for JSON: [] if it is empty.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
