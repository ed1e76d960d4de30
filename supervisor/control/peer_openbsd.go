// The peer's credentials on OpenBSD.

package control

import (
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// peer reads SO_PEERCRED (getsockopt(2)), whose struct sockpeercred is three
// 32-bit numbers: uid, gid, pid. Of the calls in x/sys that read an option of
// more than four bytes, only one fits. The groups are those of the user's
// account.
func peer(fd int) (Peer, error) {
	cred, err := unix.GetsockoptICMPv6Filter(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	p := Peer{UID: cred.Filt[0], GID: cred.Filt[1], PID: int(cred.Filt[2])}
	account, err := user.LookupId(strconv.Itoa(int(p.UID)))
	if err != nil {
		return p, nil
	}
	ids, _ := account.GroupIds()
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			p.Groups = append(p.Groups, uint32(n))
		}
	}
	return p, nil
}
