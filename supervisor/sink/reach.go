// Whether syslog takes records: looked up without sending one.
// The error says what an admin can do.

package sink

import (
	"errors"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

// errStream is that of a syslog daemon that takes no datagrams.
var errStream = errors.New("it is a stream socket; plug needs a datagram socket, or udp://ADDRESS:PORT (--syslog)")

// ErrFull is that of a syslog daemon that does not keep up.
var ErrFull = errors.New("its queue is full")

// Reach is why the syslog socket takes no datagrams; nil if it does. Connecting
// says so without sending one.
func (s *Syslog) Reach() error {
	if s.Path == "" {
		return nil // UDP: that can't be known
	}
	fd, err := host.Socket(unix.AF_UNIX, unix.SOCK_DGRAM)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err = unix.Connect(fd, &unix.SockaddrUnix{Name: s.Path}); err { // s.to is the sink's
	case nil:
	case unix.EPROTOTYPE:
		return errStream
	default:
		return err
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0); err != nil || n != 1 {
		return ErrFull
	}
	return nil
}
