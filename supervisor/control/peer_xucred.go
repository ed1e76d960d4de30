//go:build darwin || freebsd

// The peer's credentials on FreeBSD and macOS.

package control

import "golang.org/x/sys/unix"

// peer reads LOCAL_PEERCRED (unix(4)), as getpeereid(3) does, plus groups.
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
