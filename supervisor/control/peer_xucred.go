//go:build darwin || freebsd

package control

import "golang.org/x/sys/unix"

// peer asks for LOCAL_PEERCRED (unix(4)): what getpeereid(3) does, and groups.
func peer(fd int) (Peer, error) {
	const local = 0 // SOL_LOCAL
	cred, err := unix.GetsockoptXucred(fd, local, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	p := Peer{UID: cred.Uid}
	if n := min(int(cred.Ngroups), len(cred.Groups)); n > 0 {
		p.GID, p.Groups = cred.Groups[0], cred.Groups[1:n]
	}
	return p, nil
}
