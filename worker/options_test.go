//go:build linux && !portable

// The options of the sockets to targets.

package worker

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/kernel"
)

// A socket to a target gets the numbers of the assignment, and without any it costs no
// system call.
func TestSocketOptions(t *testing.T) {
	e := rig(t)
	a := e.board.Assignment
	for _, text := range []string{"127.0.0.1:80", "[::1]:80"} {
		to := convert.From(netip.MustParseAddrPort(text))
		fd, errno := kernel.Socket(&to)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer kernel.Close(fd)
		level, class := unix.IPPROTO_IP, unix.IP_TOS
		if to.Kind == 6 {
			level, class = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
		}
		a.KeepaliveIdle, a.KeepaliveEvery, a.KeepaliveCount, a.UserTimeout, a.DSCP = 5, 1, 3, 8000, 10
		e.setOptions(fd, &to)
		a.KeepaliveIdle, a.KeepaliveEvery, a.KeepaliveCount, a.UserTimeout, a.DSCP = 0, 0, 0, 0, 0
		e.setOptions(fd, &to) // leaves them
		for _, o := range []struct{ level, name, value int }{
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 5}, {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 1}, {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
			{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 8000}, {level, class, 40},
		} {
			if n, err := unix.GetsockoptInt(fd, o.level, o.name); n != o.value || err != nil {
				t.Errorf("%s: option %d is %d, %v; expected %d", text, o.name, n, err, o.value)
			}
		}
	}
}
