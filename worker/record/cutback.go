// How half a line is removed from a session file.

package record

import "syscall"

// CutBack removes the last n bytes of a session file: the beginning of a line
// whose rest did not fit, which is worse than no line. As long as the file has
// no room, no other process can have written after it.
func CutBack(fd, n int) {
	var s syscall.Stat_t
	if syscall.Fstat(fd, &s) == nil && uint32(s.Mode)&syscall.S_IFMT == syscall.S_IFREG && s.Size >= int64(n) {
		syscall.Ftruncate(fd, s.Size-int64(n))
	}
}
