// The master's side of the starter socket: its messages to the process that
// started it.

package shepherd

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Starter is the master's side of the starter socket.
type Starter struct {
	role  string
	file  *os.File // nil after the last message
	first bool     // the shepherd is PID 1
	gone  chan struct{}
}

// Find reports whether this process is a master, and what started it.
func Find() (*Starter, bool) {
	s := &Starter{role: os.Getenv(roleVariable), gone: make(chan struct{})}
	switch s.role {
	case roleSuccessor: // gets its starter only with the old master's offer
	case roleDaemon, roleService:
		s.Become(s.role, starterFD)
	default:
		return nil, false
	}
	os.Unsetenv(roleVariable)
	return s, true
}

// Role says what started this master.
func (s *Starter) Role() string { return s.role }

// FD is the starter socket, for a new master to continue; -1 if there is none.
func (s *Starter) FD() int {
	if s.role != roleService || s.file == nil {
		return -1
	}
	conn, err := s.file.SyscallConn()
	if err != nil {
		return -1
	}
	fd := -1
	conn.Control(func(f uintptr) { fd = int(f) })
	return fd
}

// Become continues another master's starter, with its socket.
func (s *Starter) Become(role string, fd int) {
	s.role = role
	unix.CloseOnExec(fd)
	if role == roleDaemon && fd != starterFD {
		unix.Close(fd) // the launcher has ended long ago
		return
	}
	unix.SetNonblock(fd, true)
	s.file = os.NewFile(uintptr(fd), "starter")
	if role == roleService {
		s.first = makerOf(fd) == 1
		go func() {
			defer close(s.gone)
			var b [1]byte
			s.file.Read(b[:]) // a shepherd sends nothing: this is its end
		}()
	}
}

// Ready reports that the plug serves. A daemon first leaves its terminal.
func (s *Starter) Ready() error {
	if s.role != roleDaemon {
		return s.tell(served, "")
	}
	if s.file == nil {
		return nil
	}
	if err := detach(); err != nil {
		return err
	}
	defer s.file.Close()
	defer func() { s.file = nil }()
	return s.tell(served, "")
}

// Tell sends the shepherd a message about this master, with more text for people
// if that is useful.
func (s *Starter) Tell(text, more string) {
	if s.role == roleService {
		s.tell(text, more)
	}
}

// messagePatience is how long a master waits for a starter that does not read: it
// may be stopped, and its socket full.
const messagePatience = 100 * time.Millisecond

func (s *Starter) tell(text, more string) error {
	if s.file == nil {
		return nil
	}
	patience := messagePatience
	if text == alive || text == status {
		patience = time.Millisecond // the next one will say the same
	}
	s.file.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.file.Write(fmt.Appendf(nil, "%s %d %s\n", text, os.Getpid(), more))
	return err
}

// Alive is how often the shepherd expects a sign of life from this master; 0
// is never.
func (s *Starter) Alive() time.Duration {
	usec, _ := strconv.Atoi(os.Getenv(aliveVariable))
	return time.Duration(usec) * time.Microsecond / 4
}

// Gone is closed when the shepherd has ended.
func (s *Starter) Gone() <-chan struct{} { return s.gone }

// EndsAll reports whether the shepherd is PID 1, at whose end the kernel kills
// every process. The kernel remembers which process made a socket pair
// (SO_PEERCRED, unix(7)), for all later masters, too.
func (s *Starter) EndsAll() bool {
	return s.role == roleService && s.first
}

// detach replaces the caller's descriptors with /dev/null.
func detach() error {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(null)
	for fd := range 3 {
		if err := dup(null, fd); err != nil {
			return err
		}
	}
	return nil
}
