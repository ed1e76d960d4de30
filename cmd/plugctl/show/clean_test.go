// Tests of escaping and quoting.

package show

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1:80":      "10.0.0.1:80",
		"/home/jürgen/a b": "/home/jürgen/a b",
		"\x1b[2J":          `\x1b[2J`,
		"a\nb\r\t\x00":     `a\nb\x0d\x09\x00`,
		"\x7f":             `\x7f`,
		"\u009b31m":        `\u009b31m`,
		"a\u202eb":         `a\u202eb`,
		"\xff\xfe":         `\xff\xfe`,
		"\U000e0041":       `\U000e0041`,
		"\u00a0":           `\u00a0`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzClean: for any input the output has only printable characters; and JSON
// that was made printable has the same value.
func FuzzClean(f *testing.F) {
	f.Add("\x1b]0;title\x07")
	f.Add("\u2066\U000e0041\xc2")
	f.Fuzz(func(t *testing.T, text string) {
		out := Clean(text)
		if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: %q", text, out)
		}
		line := JSON(map[string]string{"said": text})
		if strings.ContainsFunc(strings.TrimSuffix(string(line), "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: JSON %q", text, line)
		}
		var back map[string]string
		if err := json.Unmarshal(line, &back); err != nil || back["said"] != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Errorf("%q: JSON %q is %q, %v", text, line, back["said"], err)
		}
	})
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"":          "''",
		"--mode":    "--mode",
		"10.0.0.1":  "10.0.0.1",
		"[::1]:80":  "'[::1]:80'",
		"a b":       "'a b'",
		"it's":      `'it'\''s'`,
		"$(reboot)": "'$(reboot)'",
		"*:80":      "'*:80'",
	} {
		if got := quoted(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
