package record

import (
	"strconv"
	"syscall"
)

// Reason is the C library's text for an error number, e.g. "Connection
// refused". Those that a session meets cost no allocation.
func Reason(errno syscall.Errno) string {
	if text := common(errno); text != "" {
		return text
	}
	return spell(errno)
}

// spell undoes what Go did to the C library's texts: it made their first
// letter small, and has a text of its own for numbers without one.
func spell(errno syscall.Errno) string {
	text := errno.Error()
	if number := strconv.Itoa(int(errno)); text == "errno "+number {
		return "Unknown error " + number
	}
	if 'a' <= text[0] && text[0] <= 'z' {
		return string(text[0]-'a'+'A') + text[1:]
	}
	return text
}
