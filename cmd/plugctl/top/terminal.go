// The terminal: raw mode, drawing and restoring.

package top

import (
	"errors"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// The control sequences that the screen uses (ECMA-48 and xterm's private
// modes).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the alternate screen, without a cursor
	leaveScreen = "\x1b[0m\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	clearAll    = "\x1b[2J"
	plain       = "\x1b[0m"
)

var styles = map[Style]string{Bold: "\x1b[1m", Head: "\x1b[4m", Chosen: "\x1b[7m"}

// terminal is a terminal in raw mode, with its previous state. leave may be
// called from any goroutine, any number of times.
type terminal struct {
	in, out *os.File
	mu      sync.Mutex
	before  *term.State // nil while the terminal is in its original state
}

// ErrNoTerminal is Run's error without a terminal.
var ErrNoTerminal = errors.New("top needs a terminal; use \"top --json\" or \"sessions\" instead")

func open(in, out *os.File) (*terminal, error) {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, ErrNoTerminal
	}
	t := &terminal{in: in, out: out}
	return t, t.enter()
}

func (t *terminal) enter() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before == nil {
		before, err := term.MakeRaw(int(t.in.Fd()))
		if err != nil {
			return err
		}
		t.before = before
	} else if _, err := term.MakeRaw(int(t.in.Fd())); err != nil { // stopped and continued by another process
		return err
	}
	_, err := t.out.WriteString(enterScreen + clearAll)
	return err
}

// leave restores the terminal.
func (t *terminal) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before == nil {
		return
	}
	t.out.WriteString(leaveScreen)
	term.Restore(int(t.in.Fd()), t.before)
	t.before = nil
}

// left reports whether the terminal is restored, and so not ours.
func (t *terminal) left() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.before == nil
}

// guard is deferred by every goroutine except Run's: a panic is readable only
// on a restored terminal.
func (t *terminal) guard() {
	if fault := recover(); fault != nil {
		t.leave()
		panic(fault)
	}
}

func (t *terminal) size() (width, height int) {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// draw writes a whole screen at once, unless the terminal has been restored.
func (t *terminal) draw(lines []Line) error {
	if t.left() {
		return nil
	}
	var b strings.Builder
	b.WriteString(home)
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(styles[line.Style] + line.Text + plain + clearLine)
	}
	b.WriteString(clearBelow)
	_, err := t.out.WriteString(b.String())
	return err
}
