// What an error number says about limits and shortages.

package record

import (
	"strconv"
	"syscall"
)

// Limit is an error's text, with the name and value of the limit that was
// reached, if the error means one (getrlimit(2), proc(5)).
func Limit(errno syscall.Errno) string {
	text := Reason(errno)
	var r syscall.Rlimit
	switch errno {
	case syscall.EMFILE:
		if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil {
			return text + " (RLIMIT_NOFILE " + strconv.FormatUint(uint64(r.Cur), 10) + ")"
		}
	case syscall.ENFILE:
		return text + " (the system's limit, fs.file-max on Linux)"
	case syscall.EFBIG:
		if syscall.Getrlimit(syscall.RLIMIT_FSIZE, &r) == nil {
			return text + " (RLIMIT_FSIZE " + strconv.FormatUint(uint64(r.Cur), 10) + ")"
		}
	}
	return text
}

// Scarce reports whether a call failed because of a shortage of descriptors or
// memory, which may soon be over.
func Scarce(errno syscall.Errno) bool {
	return errno == syscall.EMFILE || errno == syscall.ENFILE || errno == syscall.ENOBUFS || errno == syscall.ENOMEM
}
