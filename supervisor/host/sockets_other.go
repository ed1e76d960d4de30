//go:build !linux

// The options that clients' sockets inherit from the listener, elsewhere than on Linux.

package host

import (
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

// inherited are the options of a listener from which clients' sockets get theirs. The
// portable engine does not have the others.
func inherited(s config.Sockets, _ int) (all []socketOption) {
	if s.Keepalive {
		all = append(all, socketOption{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1})
	}
	return all
}
