// Parsing of keys from a terminal.

package top

import "unicode/utf8"

// Key is a key: a printable character, a control character, or one of these.
type Key rune

const (
	KeyUp Key = utf8.MaxRune + 1 + iota
	KeyDown
	KeyPageUp
	KeyPageDown
	KeyHome
	KeyEnd
	KeyUnknown // a sequence without a meaning here

	keyInterrupt Key = 'C' - '@'
	keyTab       Key = '\t'
	keyRedraw    Key = 'L' - '@'
	keyEnter     Key = '\r'
	keyClear     Key = 'U' - '@'
	keySuspend   Key = 'Z' - '@'
	keyEscape    Key = 0x1b
	keyDelete    Key = 0x7f
	keyBackspace Key = 'H' - '@'
)

// sequences are what terminals send for keys without a character, after ESC:
// those of xterm and the Linux console, in both cursor key modes.
var sequences = map[string]Key{
	"[A": KeyUp, "OA": KeyUp, "[B": KeyDown, "OB": KeyDown,
	"[5~": KeyPageUp, "[6~": KeyPageDown,
	"[H": KeyHome, "OH": KeyHome, "[1~": KeyHome, "[7~": KeyHome,
	"[F": KeyEnd, "OF": KeyEnd, "[4~": KeyEnd, "[8~": KeyEnd,
}

// Keys splits the result of one read from a terminal. An ESC without anything
// after it is the key itself: terminals send a sequence in one piece.
func Keys(read []byte) []Key {
	var keys []Key
	for len(read) > 0 {
		if read[0] == byte(keyEscape) && len(read) > 1 {
			n := sequence(read[1:])
			key, ok := sequences[string(read[1:1+n])]
			if !ok {
				key = KeyUnknown
			}
			keys = append(keys, key)
			read = read[1+n:]
			continue
		}
		r, size := utf8.DecodeRune(read)
		keys = append(keys, Key(r))
		read = read[size:]
	}
	return keys
}

// sequence is the length of the sequence at the start of text, without its
// ESC: for CSI up to the final byte (ECMA-48, 5.4), for SS3 or Alt the next
// bytes.
func sequence(text []byte) int {
	switch text[0] {
	case '[':
		for i := 1; i < len(text); i++ {
			if text[i] >= 0x40 && text[i] <= 0x7e {
				return i + 1
			}
		}
		return len(text)
	case 'O':
		return min(2, len(text))
	}
	return 1
}
