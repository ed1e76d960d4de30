// Clients' sockets get the options of the listener.

package host

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

// Each option of clients' sockets is set on the listener, and an accepted socket has it;
// without it, the socket has the system's value.
func TestInheritedOptions(t *testing.T) {
	set := config.Sockets{Keepalive: true, Idle: 5, Every: 1, Count: 3, UserTimeout: 8000, DSCP: 10}
	for _, source := range []config.Source{
		{Addr: netip.MustParseAddr("127.0.0.1"), Named: true}, {Addr: netip.MustParseAddr("::1"), Named: true}, {Dual: true},
	} {
		plain, with := accepted(t, source, config.Sockets{}), accepted(t, source, set)
		v6 := source.Dual || source.Addr.Is6()
		for _, o := range []struct {
			name       string
			level, opt int
			want       int
			only6      bool
		}{
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1, false},
			{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 5, false},
			{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 1, false},
			{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3, false},
			{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 8000, false},
			{"IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, 40, false},
			{"IPV6_TCLASS", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 40, true},
		} {
			if o.only6 && !v6 {
				continue
			}
			is, err := unix.GetsockoptInt(with, o.level, o.opt)
			was, _ := unix.GetsockoptInt(plain, o.level, o.opt)
			if err != nil || is != o.want || was == o.want {
				t.Errorf("%s of a client of %s: %d, %v, and %d without the option; expected %d", o.name, source.Label(), is, err, was, o.want)
			}
		}
		unix.Close(plain)
		unix.Close(with)
	}
}

// accepted is a client's socket of a listener with these options.
func accepted(t *testing.T, source config.Source, client config.Sockets) int {
	t.Helper()
	l, err := Listen(source, 10, client)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	name, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	to := "127.0.0.1"
	port := 0
	switch at := name.(type) {
	case *unix.SockaddrInet4:
		port = at.Port
	case *unix.SockaddrInet6:
		if port = at.Port; !source.Dual {
			to = "::1"
		}
	}
	c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(to), uint16(port))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fds := []unix.PollFd{{Fd: int32(l), Events: unix.POLLIN}}
	unix.Poll(fds, 5000)
	fd, _, err := unix.Accept(l)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
