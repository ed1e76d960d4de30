// The process at the other end of a control connection.

package control

import (
	"fmt"
	"slices"
	"syscall"
)

// Peer is the process at the other end of a connection, as the kernel knows it.
type Peer struct {
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary groups
	PID    int      // 0 where the system does not provide it
}

// Member reports whether the peer is in a group.
func (p Peer) Member(gid uint32) bool { return p.GID == gid || slices.Contains(p.Groups, gid) }

// PeerOf asks the kernel which process is at the other end of a connection to
// a unix socket: the one that connected, or the one that listens.
func PeerOf(c syscall.Conn) (p Peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	if failed := raw.Control(func(fd uintptr) { p, err = peer(int(fd)) }); failed != nil {
		err = failed
	}
	if err != nil {
		return p, fmt.Errorf("peer credentials: %w", err)
	}
	return p, nil
}
