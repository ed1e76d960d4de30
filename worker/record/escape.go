// How values are quoted and escaped in log lines, exactly as hclog and
// encoding/json do it.

package record

import (
	"strconv"
	"unicode/utf8"
)

const hex = "0123456789abcdef"

// plain reports whether a value needs no quotes in a text line.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '-' || s[i] > '~' {
			return false
		}
	}
	return true
}

// appendEscaped appends s as hclog's text format escapes it; like hclog, it
// does not escape a backslash.
func appendEscaped(dst []byte, s string, quoted bool) []byte {
	if printable(s) {
		return append(dst, s...)
	}
	for _, r := range s {
		switch {
		case r == '"' && quoted:
			dst = append(dst, `\"`...)
		case strconv.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = appendUnprintable(dst, r)
		}
	}
	return dst
}

// printable is also false for a quotation mark, whether or not it is escaped:
// in that case hclog replaces bytes that are not UTF-8, otherwise it keeps
// them.
func printable(s string) bool {
	for _, r := range s {
		if r == '"' || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

func appendUnprintable(dst []byte, r rune) []byte {
	switch {
	case '\a' <= r && r <= '\r':
		return append(dst, '\\', "abtnvfr"[r-'\a'])
	case r < ' ':
		return append(dst, '\\', 'x', hex[r>>4], hex[r&0xf])
	case r < 0x10000:
		return appendHex(append(dst, `\u`...), r, 4)
	}
	return appendHex(append(dst, `\U`...), r, 8)
}

// appendQuoted appends s as a JSON string, like encoding/json with HTML
// escaping.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case '\b' <= r && r <= '\r' && r != '\v':
			dst = append(dst, '\\', "btn.fr"[r-'\b'])
		case r < ' ' || r == '<' || r == '>' || r == '&' ||
			r == '\u2028' || r == '\u2029' || r == utf8.RuneError && size == 1:
			dst = appendHex(append(dst, `\u`...), r, 4)
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return append(dst, '"')
}

func appendHex(dst []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hex[r>>shift&0xf])
	}
	return dst
}
