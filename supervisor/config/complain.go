// What is wrong with configuration files, as text: in HCL's form, each error with its
// place and the line of the file.

package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// mostShown is how many errors and warnings are shown.
const mostShown = 20

// widestExcerpt is how many bytes of a line are shown.
const widestExcerpt = 160

// Complaints are the errors and warnings as text; "" if there are none.
func (l *Loaded) Complaints() string {
	if len(l.diags) == 0 {
		return ""
	}
	var b strings.Builder
	for _, d := range l.diags[:min(len(l.diags), mostShown)] {
		l.write(&b, d)
	}
	if more := len(l.diags) - mostShown; more > 0 {
		fmt.Fprintf(&b, "%d more are not shown.\n", more)
	}
	b.WriteString(l.Verdict() + "\n")
	return b.String()
}

// Verdict counts the errors and warnings.
func (l *Loaded) Verdict() string {
	errors, warnings := 0, 0
	for _, d := range l.diags {
		if d.Severity == hcl.DiagError {
			errors++
		} else {
			warnings++
		}
	}
	switch {
	case warnings == 0:
		return count(errors, "error")
	case errors == 0:
		return count(warnings, "warning")
	}
	return count(errors, "error") + ", " + count(warnings, "warning")
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// First is the first error on one line.
func (l *Loaded) First() string {
	if len(l.diags) == 0 {
		return ""
	}
	d, at := l.diags[0], ""
	if d.Subject != nil {
		at = printable(d.Subject.Filename, len(d.Subject.Filename)) + fmt.Sprintf(":%d: ", d.Subject.Start.Line)
	}
	detail := strings.Join(strings.Fields(d.Detail), " ")
	return at + d.Summary + ": " + printable(strings.TrimSuffix(detail, "."), len(detail))
}

// write writes one error or warning.
func (l *Loaded) write(b *strings.Builder, d *hcl.Diagnostic) {
	kind := "Error"
	if d.Severity == hcl.DiagWarning {
		kind = "Warning"
	}
	fmt.Fprintf(b, "%s: %s\n", kind, printable(d.Summary, len(d.Summary)))
	if at := d.Subject; at != nil {
		fmt.Fprintf(b, "  on %s:%d:%d", printable(at.Filename, len(at.Filename)), at.Start.Line, at.Start.Column)
		if file := l.texts[at.Filename]; file != nil {
			if in := contextOf(file, at.Start.Byte); in != "" {
				b.WriteString(", in " + printable(in, len(in)))
			}
			fmt.Fprintf(b, ":\n  %d: %s", at.Start.Line, printable(lineAt(file.Bytes, at.Start.Byte), widestExcerpt))
		}
		b.WriteString("\n")
	}
	for line := range strings.SplitSeq(d.Detail, "\n") {
		b.WriteString(printable(line, len(line)) + "\n")
	}
	b.WriteString("\n")
}

// contextOf names the block that a byte of a file is in.
func contextOf(file *hcl.File, at int) string {
	if nav, ok := file.Nav.(interface{ ContextString(int) string }); ok {
		return nav.ContextString(at)
	}
	return ""
}

// lineAt is the line of a text that a byte is in.
func lineAt(text []byte, at int) string {
	at = min(at, len(text))
	begin := bytes.LastIndexByte(text[:at], '\n') + 1
	line, _, _ := bytes.Cut(text[begin:], []byte("\n"))
	return string(line)
}

// printable is a text as a terminal may show it, cut to a length.
func printable(text string, most int) string {
	var b strings.Builder
	for _, r := range text[:min(len(text), most)] {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError || !unicode.IsPrint(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	if len(text) > most {
		b.WriteString("…")
	}
	return b.String()
}
