// Listening sockets: how they are bound, or adopted from a service manager, and
// the errors for a port that is in use or an address that does not exist.

package host

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

const (
	takenFor     = 2 * time.Second // how long to retry a port that is in use, or an address that does not exist
	tentativeFor = 5 * time.Second // the same for an address that is still tentative
	takenStep    = 50 * time.Millisecond
)

// privileged says how a low port can be bound, if the error is that it must not.
func privileged(port uint16, err error) string {
	if !errors.Is(err, unix.EACCES) || port >= 1024 {
		return ""
	}
	text := "; a port below 1024 needs root"
	if runtime.GOOS == "linux" {
		text += fmt.Sprintf(", the capability CAP_NET_BIND_SERVICE (setcap cap_net_bind_service=ep PROGRAM, or AmbientCapabilities= in a systemd unit), or sysctl net.ipv4.ip_unprivileged_port_start=%d", port)
	}
	return text
}

// Listen opens the plug's listener. It is non-blocking, and sockets that accept(2)
// returns inherit its options. A port in use is retried for 2 s, because of
// restarts; then the error names the process that holds it. An address that this
// host does not have yet, as at boot, is retried in the same way.
func Listen(s config.Source, backlog int, client config.Sockets) (fd int, err error) {
	for begun := time.Now(); ; time.Sleep(takenStep) {
		fd, err = bind(s, backlog, client)
		waited := time.Since(begun)
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.EADDRINUSE) && waited >= takenFor:
			return -1, fmt.Errorf("bind %s: %s%s", s.Label(), Reason(err), HeldBy(s.Port))
		case errors.Is(err, unix.EADDRNOTAVAIL) && waited >= takenFor && (waited >= tentativeFor || !isTentative(s.Addr)):
			return -1, fmt.Errorf("bind %s: %s (not an address of this host%s)", s.Label(), Reason(err), freebindHint)
		case !errors.Is(err, unix.EADDRINUSE) && !errors.Is(err, unix.EADDRNOTAVAIL):
			return -1, fmt.Errorf("bind %s: %s%s", s.Label(), Reason(err), privileged(s.Port, err))
		}
	}
}

// noListen is a backlog with which a socket is only bound.
const noListen = -1

// Bindable returns an error if a source cannot be bound now.
func Bindable(s config.Source) error {
	fd, err := bind(s, noListen, config.Sockets{})
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// socketOption is an option for setsockopt(2).
type socketOption struct{ level, name, value int }

func bind(s config.Source, backlog int, client config.Sockets) (int, error) {
	addr, family := s.Addr, unix.AF_INET
	switch {
	case !addr.IsValid() && s.Dual:
		addr, family = netip.IPv6Unspecified(), unix.AF_INET6
	case !addr.IsValid():
		addr = netip.IPv4Unspecified()
	case !addr.Is4():
		family = unix.AF_INET6
	}
	fd, err := Socket(family, unix.SOCK_STREAM)
	if err == unix.EAFNOSUPPORT && s.Dual && family == unix.AF_INET6 { // a host without IPv6
		addr, family = netip.IPv4Unspecified(), unix.AF_INET
		fd, err = Socket(family, unix.SOCK_STREAM)
	}
	if err != nil {
		return -1, err
	}
	options := []socketOption{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_OOBINLINE, 1},
	}
	options = append(options, inherited(client, family)...)
	if family == unix.AF_INET6 {
		only := 1
		if s.Dual {
			only = 0
		}
		options = append(options, socketOption{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only})
	}
	if s.Freebind {
		options = append(options, freebind(family))
	}
	for _, o := range options {
		if err = unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	if err = unix.Bind(fd, Sockaddr(netip.AddrPortFrom(addr, s.Port))); err == nil && backlog != noListen {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Sockaddr converts an address for system calls.
func Sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: ZoneOf(a.Addr().Zone())}
}

// HeldBy names the processes that listen on a port, as far as this process may see
// them.
func HeldBy(port uint16) string {
	pids := holders(port)
	if len(pids) == 0 {
		return ""
	}
	var names []string
	for _, pid := range pids[:min(len(pids), 5)] {
		names = append(names, strconv.Itoa(pid))
	}
	if more := len(pids) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return ", held by PID " + strings.Join(names, ", ")
}

// AdoptListener takes a socket that the service manager listens on, and fills in
// its address.
func AdoptListener(fd int, s *config.Source, client config.Sockets) error {
	fail := func(err error) error {
		return fmt.Errorf("source \"fd:%s\": %s", s.Inherited, Reason(err))
	}
	if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || on == 0 {
		return fail(errors.Join(err, errors.New("not a listening socket")))
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return fail(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return fail(err)
	}
	family := unix.AF_INET6
	switch at := name.(type) {
	case *unix.SockaddrInet4:
		family = unix.AF_INET
		s.Port = uint16(at.Port)
		if addr := netip.AddrFrom4(at.Addr); !addr.IsUnspecified() {
			s.Addr, s.Named = addr, true
		}
	case *unix.SockaddrInet6:
		s.Port = uint16(at.Port)
		addr := netip.AddrFrom16(at.Addr)
		only, _ := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if s.Dual = addr.IsUnspecified() && only == 0; !s.Dual {
			s.Addr, s.Named = addr, true
		}
	default:
		return fail(errors.New("not a TCP socket"))
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
	for _, o := range inherited(client, family) {
		unix.SetsockoptInt(fd, o.level, o.name, o.value)
	}
	return nil
}
