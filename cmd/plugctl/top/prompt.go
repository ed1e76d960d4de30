package top

import (
	"unicode"
	"unicode/utf8"

	"daemon/plug/supervisor/control"
)

// prompt is a question in the last line: one that y or n answers, if it has
// something to confirm, else one for a line of text.
type prompt struct {
	ask     string
	confirm *control.Request
	text    string
	accept  func(text string) (Action, error)
}

// view is the prompt in width columns. What does not fit is cut where it is
// missed least: of a question before its (y/n), of a line before what is typed.
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

// typed takes a key while a question is open.
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
