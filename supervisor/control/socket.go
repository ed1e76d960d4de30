// The listening control socket and its path: claiming, publishing, removing.

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	backlog    = 128
	holderTime = time.Second // how long a holder may take to say who it is
)

// Socket is a listening socket and its path. The descriptor is an ordinary
// one, close-on-exec, that may be passed on.
type Socket struct {
	Path string
	FD   int
	ID   Inode

	early string // its name before it is published
}

// Inode identifies the file at a path.
type Inode struct {
	Device uint64 `json:"device"`
	Number uint64 `json:"number"`
}

// Claim makes the socket at path, with mode 0600, or 0660 and the group if gid
// is not negative. A stale socket is replaced; if the socket is in use, or the
// path names another kind of file, that is an error. Errors read "control
// socket PATH: reason".
func Claim(path string, gid int) (*Socket, error) {
	s, err := Prepare(path, gid)
	if err != nil {
		return nil, err
	}
	if err = s.Publish(); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// Prepare is Claim without the final name, which Publish sets: until then the
// current owner keeps the path.
func Prepare(path string, gid int) (s *Socket, err error) {
	if err = vacant(path); err != nil {
		return nil, at(path, err)
	}
	s = &Socket{Path: path, early: filepath.Join(filepath.Dir(path), ".plug"+strconv.Itoa(os.Getpid()))}
	if s.FD, err = listenAt(s.early, gid); err == nil {
		if s.ID, err = inodeOf(s.early); err != nil {
			s.Remove()
		}
	}
	if err != nil {
		return nil, at(path, err)
	}
	return s, nil
}

// Publish gives a prepared socket its name. From then on clients can connect;
// if there was a socket before, the path names one at all times.
func (s *Socket) Publish() error {
	if err := os.Rename(s.early, s.Path); err != nil {
		return at(s.Path, err)
	}
	s.early = ""
	return nil
}

// MakeDir creates a directory for control sockets, if it does not exist. It is
// an error if other users could create a socket in it.
func MakeDir(path string, mode fs.FileMode) error {
	switch err := os.Mkdir(path, mode); {
	case err == nil:
		return os.Chmod(path, mode) // whatever the umask is
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("directory %s: %w", path, bare(err))
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fmt.Errorf("directory %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != uint32(os.Geteuid()) || st.Mode&0o022 != 0 {
		return fmt.Errorf("%s must be a directory that belongs to user %d and that only this user can write to", path, os.Geteuid())
	}
	return nil
}

func at(path string, err error) error { return fmt.Errorf("control socket %s: %w", path, bare(err)) }

// vacant returns nil if the path may be claimed, otherwise the reason why not.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("the path names a file that is not a socket")
	}
	c, err := connect(path)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil // its process has ended
	}
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		return err
	}
	if err == nil {
		defer c.Close()
	}
	return errors.New(holder(path, c))
}

// holder describes the process that has the socket.
func holder(path string, c *os.File) string {
	if client, err := Dial(path, holderTime); err == nil {
		defer client.Close()
		who := ""
		err = client.Do(Request{Verb: GetStatus}, func(r Reply) {
			if r.Status != nil {
				who = fmt.Sprintf("held by the plug %s, PID %d", r.Status.Label, r.Status.PID)
			}
		})
		if err == nil && who != "" {
			return who
		}
	}
	if c != nil {
		if p, err := PeerOf(c); err == nil && p.PID != 0 {
			return fmt.Sprintf("held by PID %d or its successor, which does not identify itself", p.PID)
		}
	}
	return "held by a process that does not identify itself"
}

// listenAt makes a listening socket. It listens only once its mode is set, so
// no client connects before that.
func listenAt(path string, gid int) (fd int, err error) {
	os.Remove(path) // left by an earlier process with this PID
	fd, err = openSocket()
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			os.Remove(path)
			unix.Close(fd)
		}
	}()
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return -1, err
	}
	mode := fs.FileMode(0o600)
	if gid >= 0 {
		mode = 0o660
		if err = os.Chown(path, -1, gid); err != nil {
			return -1, fmt.Errorf("cannot be given to group %d: %w", gid, bare(err))
		}
	}
	if err = os.Chmod(path, mode); err != nil {
		return -1, err
	}
	return fd, unix.Listen(fd, backlog)
}

// Listener returns a copy of the descriptor, for a Server.
func (s *Socket) Listener() (*Listener, error) {
	fd, err := unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return newListener(fd)
}

// Current reports whether the path still names this socket. If that cannot be
// determined, it returns true.
func (s *Socket) Current() bool {
	id, err := inodeOf(s.Path)
	return err == nil && id == s.ID || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// Remove removes the socket's name, if it is still this socket's, and closes
// its descriptor.
func (s *Socket) Remove() error {
	defer s.Close()
	if s.early != "" {
		return os.Remove(s.early)
	}
	if id, err := inodeOf(s.Path); err != nil || id != s.ID {
		return nil // gone, or another process's
	}
	if err := os.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return at(s.Path, err)
	}
	return nil
}

// Close closes the descriptor and keeps the name, which another process uses,
// too.
func (s *Socket) Close() {
	unix.Close(s.FD)
	s.FD = -1
}

func inodeOf(path string) (Inode, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return Inode{}, err
	}
	return Inode{uint64(st.Dev), uint64(st.Ino)}, nil
}

// bare returns the error without the operation and path that Go puts before
// it.
func bare(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	case *os.SyscallError:
		return e.Err
	}
	return err
}
