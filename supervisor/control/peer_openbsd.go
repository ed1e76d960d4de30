package control

import (
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// peer asks for SO_PEERCRED (getsockopt(2)), whose struct sockpeercred is three
// 32-bit numbers: uid, gid, pid. Of the calls that read an option into more than
// four bytes, x/sys has one that fits. Groups are those of the accounts.
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
