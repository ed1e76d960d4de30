package worker

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/record"
)

// Limit is an error's text, with the name and value of the limit that was
// reached, if it stands for one (getrlimit(2), proc(5)).
func Limit(errno syscall.Errno) string {
	text := record.Reason(errno)
	var r unix.Rlimit
	switch errno {
	case syscall.EMFILE:
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil {
			return text + " (RLIMIT_NOFILE " + strconv.FormatUint(uint64(r.Cur), 10) + ")"
		}
	case syscall.ENFILE:
		return text + " (the system's limit, fs.file-max on Linux)"
	case syscall.EADDRNOTAVAIL:
		return text + " (no free local port: net.ipv4.ip_local_port_range on Linux)"
	}
	return text
}
