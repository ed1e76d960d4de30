// The options that clients' sockets inherit from the listener, on Linux.

package host

import (
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

// inherited are the options of a listener from which clients' sockets get theirs.
func inherited(s config.Sockets, family int) (all []socketOption) {
	if s.Keepalive {
		all = append(all, socketOption{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1})
	}
	for _, o := range []socketOption{
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, s.Idle},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, s.Every},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, s.Count},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, s.UserTimeout},
		{unix.IPPROTO_IP, unix.IP_TOS, s.DSCP << 2}, // also of an IPv6 listener's IPv4 clients
	} {
		if o.value != 0 {
			all = append(all, o)
		}
	}
	if family == unix.AF_INET6 && s.DSCP != 0 {
		all = append(all, socketOption{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, s.DSCP << 2})
	}
	return all
}
