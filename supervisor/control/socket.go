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
	holderTime = time.Second // for a holder to say who it is
)

// Socket is a socket that listens, and its place in the file system. The
// descriptor is a plain one, close-on-exec, that may be passed on.
type Socket struct {
	Path string
	FD   int
	ID   Inode

	early string // its name until it is published
}

// Inode tells whose file lies at a path.
type Inode struct {
	Device uint64 `json:"device"`
	Number uint64 `json:"number"`
}

// Claim makes the socket at path, with mode 0600, or 0660 and the group if gid
// is not negative. A socket that nobody answers at is replaced; one that somebody
// has, or another kind of file, is an error. Errors read "control socket PATH:
// reason".
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

// Prepare is Claim but for the name, which Publish gives: until then whoever has
// the path keeps it.
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

// Publish gives a prepared socket its name: whoever finds it can connect, and
// at no moment is there none, if there was one before.
func (s *Socket) Publish() error {
	if err := os.Rename(s.early, s.Path); err != nil {
		return at(s.Path, err)
	}
	s.early = ""
	return nil
}

// MakeDir makes a directory for control sockets, if it is not there. One in which
// others could put a socket of theirs is an error.
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

// vacant reports whether the path may be taken, and else why not.
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

// holder is who has the socket, in words.
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

// listenAt makes a socket that listens. Before that nobody can connect, so
// nobody gets in before its mode is what it should be.
func listenAt(path string, gid int) (fd int, err error) {
	os.Remove(path) // of an earlier process with this PID
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

// Listener is the socket as a Server takes it: a copy of the descriptor.
func (s *Socket) Listener() (*Listener, error) {
	fd, err := unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return newListener(fd)
}

// Current reports whether the path still names this socket. What can't be looked
// at may be.
func (s *Socket) Current() bool {
	id, err := inodeOf(s.Path)
	return err == nil && id == s.ID || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// Remove takes the socket's name away, if it is still this one's, and closes
// its descriptor.
func (s *Socket) Remove() error {
	defer s.Close()
	if s.early != "" {
		return os.Remove(s.early)
	}
	if id, err := inodeOf(s.Path); err != nil || id != s.ID {
		return nil // gone, or another's
	}
	if err := os.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return at(s.Path, err)
	}
	return nil
}

// Close closes the descriptor and leaves the name: somebody else has it too.
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

// bare is an error without the call and path that Go puts before it.
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
