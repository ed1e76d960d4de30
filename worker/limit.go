// The text for a failed connect's error, with the limit that caused it.

package worker

import (
	"os"
	"strings"
	"syscall"

	"daemon/plug/worker/record"
)

// connectLimit is record.Limit for a connect, and for the steps before it. what is empty
// for the connect itself, which finds no free address when the local ports have run out
// (ip(7), ip_local_port_range).
func connectLimit(what string, errno syscall.Errno) string {
	switch {
	case errno == syscall.ELOOP:
		return record.Reason(errno) + " (it is this plug itself)"
	case errno != syscall.EADDRNOTAVAIL:
		return record.Limit(errno)
	case what != "": // bind
		return record.Reason(errno) + " (not an address of this host)"
	}
	ports, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	return record.Reason(errno) + " (no free local port: net.ipv4.ip_local_port_range " + strings.Join(strings.Fields(string(ports)), " ") + ")"
}
