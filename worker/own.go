// Whether a connection to a target has reached this plug itself.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
)

// checkEvery is how often, in ms, one process of the plug checks a new connection to a
// target closely: to do so each time would cost every session a system call. After a
// failed attempt it is done each time.
const checkEvery = 1000

// checkClosely reports what is wrong with a new connection: whether it is connected to
// itself, or to this plug. 0 means that nothing is.
func (w *worker) checkClosely(fd, slot int, to *board.Addr) syscall.Errno {
	m, now := w.board.TargetState(slot), w.clock.ms()
	if m.Failing.Load() == 0 && now < m.Looked.Load()+checkEvery {
		return 0
	}
	own, ok := ownName(fd)
	switch {
	case !ok || !unspecified(to) && (own.IP != to.IP || own.Zone != to.LoadZone()):
		m.Looked.Store(now) // the target is another host
		return 0
	case own.Port == to.Port:
		// Nothing listens there, and the kernel has chosen the target's port as the
		// local port: a simultaneous open of a socket with itself (RFC 9293, 3.5). If
		// it were closed in order, it would keep the port from its server for a minute
		// (TIME_WAIT).
		syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		return syscall.ECONNREFUSED
	}
	own.Port = to.Port
	if w.listensAt(&own) {
		return syscall.ELOOP
	}
	m.Looked.Store(now) // not before: a loop makes many connections at a time, and each must be checked
	return 0
}

// isOwn reports whether a target that was found to be this plug still is. It does not
// connect, because that connection would be the next client, which would connect in turn.
func (w *worker) isOwn(slot int, to *board.Addr) bool {
	if m := w.board.TargetState(slot); m.Failing.Load() == 0 || m.Errno.Load() != uint32(syscall.ELOOP) {
		return false
	}
	own, ok := sourceFor(to)
	own.Port = to.Port
	return ok && (unspecified(to) || own.IP == to.IP) && w.listensAt(&own)
}

// unspecified reports whether an address is 0.0.0.0 or [::]; a connection to these goes
// to this host.
func unspecified(a *board.Addr) bool { return a.IP == [16]byte{} || a.IP == anyIPv4 }

// listensAt reports whether this plug listens at an address of this host.
func (w *worker) listensAt(to *board.Addr) bool {
	for _, l := range w.listeners {
		at, ok := ownName(l.fd)
		if !ok || at.Port != to.Port {
			continue
		}
		all := unspecified(&at) && (at.Kind == to.Kind || at.Kind == 6 && dual(l.fd))
		if all || at.IP == to.IP {
			return true
		}
	}
	return false
}

// anyIPv4 is 0.0.0.0, mapped.
var anyIPv4 = [16]byte{10: 0xff, 11: 0xff}

// dual reports whether an IPv6 socket accepts IPv4 connections, too.
func dual(fd int) bool {
	only, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY)
	return err == nil && only == 0
}

// ownName is a socket's own address in the board's form.
func ownName(fd int) (a board.Addr, ok bool) {
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return a, false
	}
	switch at := name.(type) {
	case *syscall.SockaddrInet4:
		a = board.Addr{IP: anyIPv4, Port: uint16(at.Port), Kind: 4}
		copy(a.IP[12:], at.Addr[:])
	case *syscall.SockaddrInet6:
		a = board.Addr{IP: at.Addr, Port: uint16(at.Port), Kind: 6, Zone: at.ZoneId}
	default:
		return a, false
	}
	return a, true
}

// homeless reports whether this host has no address from which it can connect to the
// given one: connect(2) returns the same error for that as for a lack of ports.
func homeless(to *board.Addr) bool {
	_, err := datagramTo(to)
	return err == syscall.EADDRNOTAVAIL
}

// sourceFor is the address of this host from which it would connect to another address.
func sourceFor(to *board.Addr) (own board.Addr, ok bool) {
	own, err := datagramTo(to)
	return own, err == nil
}

// datagramTo connects a datagram socket and returns its name. It sends nothing, and such
// sockets have separate ports.
func datagramTo(to *board.Addr) (own board.Addr, err error) {
	family, name := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: int(to.Port), Addr: to.IP, ZoneId: to.LoadZone()})
	if to.Kind == 4 {
		family, name = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(to.Port), Addr: [4]byte(to.IP[12:])}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return own, err
	}
	defer syscall.Close(fd)
	if err := syscall.Connect(fd, name); err != nil {
		return own, err
	}
	own, _ = ownName(fd)
	return own, nil
}

// connectErrno is the error of a connect. It differs between a host without an address to
// connect from and a host without a free port.
func connectErrno(errno syscall.Errno, to *board.Addr) syscall.Errno {
	if errno == syscall.EADDRNOTAVAIL && homeless(to) {
		return syscall.EAFNOSUPPORT
	}
	return errno
}
