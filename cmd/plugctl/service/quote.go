// Quoting of arguments for shells and systemd.

package service

import (
	"fmt"
	"strings"
)

// Characters without a special meaning, so that ordinary command lines stay
// readable.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@+,=-"

func isPlain(arg string) bool {
	return arg != "" && strings.Trim(arg, plain) == ""
}

// quoteShell writes one word for sh: within single quotes every character is
// literal except the single quote.
func quoteShell(arg string) string {
	if isPlain(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// quoteSystemd writes one word of ExecStart (systemd.service(5), COMMAND
// LINES): specifiers and variables are doubled, and everything except
// printable ASCII is written in hex, so that it does not depend on an
// encoding.
func quoteSystemd(arg string) string {
	if isPlain(arg) {
		return arg
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(arg) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '%' || c == '$':
			b.WriteByte(c)
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quoteAll(quote func(string) string, args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quote(arg)
	}
	return strings.Join(quoted, " ")
}
