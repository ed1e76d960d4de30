// The texts of error numbers, as the C library has them.

package record

import (
	"strconv"
	"syscall"
)

// Reason is the C library's text for an error number, e.g. "Connection
// refused". The errors that sessions get cost no allocation.
func Reason(errno syscall.Errno) string {
	if text := common(errno); text != "" {
		return text
	}
	return spell(errno)
}

// spell turns Go's texts back into the C library's: Go made the first letter
// lower case, and has its own text for numbers without one.
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
