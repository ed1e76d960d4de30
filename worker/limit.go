package worker

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"daemon/plug/worker/record"
)

// Limit is an error's text, with the name and value of the limit that was
// reached, if it stands for one (getrlimit(2), proc(5)).
func Limit(errno syscall.Errno) string {
	text := record.Reason(errno)
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

// Scarce reports whether a call has failed because descriptors or memory have run
// out: in a moment there may be some.
func Scarce(errno syscall.Errno) bool {
	return errno == syscall.EMFILE || errno == syscall.ENFILE || errno == syscall.ENOBUFS || errno == syscall.ENOMEM
}

// connectLimit is Limit for a connect, and for the steps before it: what is
// empty for the connect itself, which finds no address to come from when the
// local ports have run out (ip(7), ip_local_port_range).
func connectLimit(what string, errno syscall.Errno) string {
	switch {
	case errno == syscall.ELOOP:
		return record.Reason(errno) + " (it is this plug itself)"
	case errno != syscall.EADDRNOTAVAIL:
		return Limit(errno)
	case what != "": // bind
		return record.Reason(errno) + " (not an address of this host)"
	}
	ports, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	return record.Reason(errno) + " (no free local port: net.ipv4.ip_local_port_range " + strings.Join(strings.Fields(string(ports)), " ") + ")"
}
