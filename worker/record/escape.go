package record

import (
	"strconv"
	"unicode/utf8"
)

const hex = "0123456789abcdef"

// plain reports whether a value stands in a text line without quotes.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '-' || s[i] > '~' {
			return false
		}
	}
	return true
}

// appendEscaped appends s as hclog's text format escapes it; a backslash is
// left alone, as there.
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

// printable is false for a quotation mark, too, whether it gets escaped or
// not: hclog then replaces what isn't UTF-8, and otherwise leaves it.
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

// appendQuoted appends s as a JSON string, as encoding/json does with its
// escaping for HTML on.
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
