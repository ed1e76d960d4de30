// The peer's credentials on Linux.

package control

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// peer reads SO_PEERCRED and SO_PEERGROUPS (unix(7), socket(7)).
func peer(fd int) (Peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	p := Peer{UID: cred.Uid, GID: cred.Gid, PID: int(cred.Pid)}
	for room := 64; room <= 1<<16; room *= 8 { // NGROUPS_MAX
		groups := make([]uint32, room)
		size := uint32(4 * room)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 {
			p.Groups = groups[:size/4]
		}
		if errno != unix.ERANGE {
			break // on an error, only the primary group is known
		}
	}
	return p, nil
}
