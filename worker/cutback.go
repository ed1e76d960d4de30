package worker

import "golang.org/x/sys/unix"

// CutBack takes the last n bytes of a session file away again: the beginning of
// a line whose rest found no room, which is worse than no line. While there is
// no room nobody else can have written behind it.
func CutBack(fd, n int) {
	var s unix.Stat_t
	if unix.Fstat(fd, &s) == nil && uint32(s.Mode)&unix.S_IFMT == unix.S_IFREG && s.Size >= int64(n) {
		unix.Ftruncate(fd, s.Size-int64(n))
	}
}
