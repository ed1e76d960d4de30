// The connections of a control socket, as files in Go's poller.

package control

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Both ends of a connection are sockets in Go's poller, as files. They are not
// net.Conns: the rest of package net would make each process of a plug larger.

// connect connects to the socket at path. It does not wait: a full queue is
// EAGAIN (unix(7)).
func connect(path string) (*os.File, error) {
	fd, err := openSocket()
	if err != nil {
		return nil, err
	}
	if err = unix.SetNonblock(fd, true); err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// openSocket makes a socket that no other program inherits.
func openSocket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	return fd, err
}

// Listener is a listening socket in Go's poller.
type Listener struct {
	file *os.File
	raw  syscall.RawConn
}

// newListener takes ownership of a descriptor.
func newListener(fd int) (*Listener, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	l := &Listener{file: os.NewFile(uintptr(fd), "control")}
	var err error
	l.raw, err = l.file.SyscallConn()
	return l, err
}

// accept waits for the next client. After Close the error is os.ErrClosed.
func (l *Listener) accept() (c *os.File, err error) {
	fd := -1
	waited := l.raw.Read(func(listener uintptr) bool {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		fd, _, err = unix.Accept(int(listener))
		if err == nil {
			unix.CloseOnExec(fd)
		}
		return err != unix.EAGAIN && err != unix.EINTR && err != unix.ECONNABORTED
	})
	if waited != nil {
		return nil, os.ErrClosed // it has no deadline
	}
	if err != nil {
		return nil, err
	}
	if err = unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "client"), nil
}

// Close ends accept.
func (l *Listener) Close() { l.file.Close() }
