// Whether syslog takes records, checked without sending one. The error says what
// an admin can do.

package sink

import (
	"errors"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

// errStream is the error for a syslog socket that does not take datagrams.
var errStream = errors.New("it is a stream socket; plug needs a datagram socket, or udp://ADDRESS:PORT (--syslog)")

// ErrFull is the error for a syslog daemon that is too slow.
var ErrFull = errors.New("its queue is full")

// Reach returns why the syslog socket takes no datagrams; nil if it does. It
// connects to find out, and sends nothing.
func (s *Syslog) Reach() error {
	if s.Path == "" {
		return nil // with UDP, this cannot be known
	}
	fd, err := host.Socket(unix.AF_UNIX, unix.SOCK_DGRAM)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err = unix.Connect(fd, &unix.SockaddrUnix{Name: s.Path}); err { // s.to belongs to the sink
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
