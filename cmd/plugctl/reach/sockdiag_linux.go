// The kernel's list of listening unix sockets (sock_diag).

package reach

import (
	"encoding/binary"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listener is a unix socket that accepts connections.
type listener struct {
	socket uint32 // its number, as in /proc/PID/fd
	inode  uint32 // inode of its file, only the low bits
	bound  string // the path to which it was bound
}

// Constants of linux/unix_diag.h; listenState is TCP_LISTEN of
// net/tcp_states.h.
const (
	showName, showVFS = 1, 2
	attrName, attrVFS = 0, 1
	listenState       = 10

	requestSize = 24 // struct unix_diag_req
	messageSize = 16 // struct unix_diag_msg
)

// listening asks the kernel for all listening stream sockets of this network
// namespace that have a path (sock_diag(7)).
func listening() ([]listener, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval(int64(time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return nil, err
	}
	if err := unix.Sendto(fd, dumpRequest(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	var found []listener
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if err != nil {
			return nil, err
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return found, nil
			case unix.NLMSG_ERROR:
				return nil, netlinkError(m.Data)
			}
			if l, ok := parseListener(m.Data); ok {
				found = append(found, l)
			}
		}
	}
}

func dumpRequest() []byte {
	e := binary.NativeEndian
	b := e.AppendUint32(nil, unix.SizeofNlMsghdr+requestSize)
	b = e.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = e.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b = e.AppendUint32(b, 1)                // sequence
	b = e.AppendUint32(b, 0)                // port
	b = append(b, unix.AF_UNIX, 0, 0, 0)    // family, protocol, padding
	b = e.AppendUint32(b, 1<<listenState)   // states
	b = e.AppendUint32(b, 0)                // any socket
	b = e.AppendUint32(b, showName|showVFS) // attributes
	return e.AppendUint64(b, 1<<64-1)       // no cookie
}

func netlinkError(data []byte) error {
	if len(data) < 4 {
		return unix.EPROTO
	}
	return syscall.Errno(-int32(binary.NativeEndian.Uint32(data)))
}

// parseListener parses a struct unix_diag_msg and its attributes.
func parseListener(data []byte) (l listener, ok bool) {
	e := binary.NativeEndian
	if len(data) < messageSize || data[1] != unix.SOCK_STREAM || data[2] != listenState {
		return l, false
	}
	l.socket = e.Uint32(data[4:])
	for rest := data[messageSize:]; len(rest) >= unix.SizeofRtAttr; {
		size := int(e.Uint16(rest))
		if size < unix.SizeofRtAttr || size > len(rest) {
			break
		}
		value := rest[unix.SizeofRtAttr:size]
		switch kind := e.Uint16(rest[2:]); {
		case kind == attrName:
			l.bound = strings.TrimRight(string(value), "\x00")
		case kind == attrVFS && len(value) >= 4:
			l.inode, ok = e.Uint32(value), true
		}
		rest = rest[min(len(rest), (size+3)&^3):]
	}
	return l, ok && l.bound != ""
}
