// Questions and inputs in the last line.

package top

import (
	"unicode"
	"unicode/utf8"

	"daemon/plug/supervisor/control"
)

// prompt is a question in the last line: if it has something to confirm, y or
// n answers it, otherwise a line of text.
type prompt struct {
	ask     string
	confirm *control.Request
	text    string
	accept  func(text string) (Action, error)
}

// view is the prompt in width columns. If it does not fit, the least important
// part is cut: of a question the part before (y/n), of an input its beginning.
func (p *prompt) view(width int) string {
	end, from := p.text+"_", 0
	if p.confirm != nil {
		end = "? (y/n) _"
	}
	room := width - utf8.RuneCountInString(end)
	if room < 0 {
		from = -room
	}
	return cut(p.ask, max(0, room)) + string([]rune(end)[from:])
}

// typed handles a key while a prompt is open.
func (m *Model) typed(k Key) Action {
	p := m.line
	if p.confirm != nil {
		m.line = nil
		if k != 'y' && k != 'Y' {
			m.note = "nothing was done"
			return Action{}
		}
		return Action{Order: p.confirm}
	}
	switch k {
	case keyEnter:
		m.line = nil
		action, err := p.accept(p.text)
		if err != nil {
			m.note = err.Error()
		}
		return action
	case keyEscape:
		m.line = nil
	case keyClear:
		p.text = ""
	case keyDelete, keyBackspace:
		_, size := utf8.DecodeLastRuneInString(p.text)
		p.text = p.text[:len(p.text)-size]
	default:
		if k <= utf8.MaxRune && unicode.IsPrint(rune(k)) {
			p.text += string(rune(k))
		}
	}
	return Action{}
}
