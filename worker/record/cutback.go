package record

import "syscall"

// CutBack takes the last n bytes of a session file away again: the beginning of
// a line whose rest found no room, which is worse than no line. While there is
// no room nobody else can have written behind it.
func CutBack(fd, n int) {
	var s syscall.Stat_t
	if syscall.Fstat(fd, &s) == nil && uint32(s.Mode)&syscall.S_IFMT == syscall.S_IFREG && s.Size >= int64(n) {
		syscall.Ftruncate(fd, s.Size-int64(n))
	}
}
