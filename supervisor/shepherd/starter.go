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
	file  *os.File // nil once it has been told all
	first bool     // the shepherd is PID 1
	gone  chan struct{}
}

// Find reports whether this process is a master, and by whom it was started.
func Find() (*Starter, bool) {
	s := &Starter{role: os.Getenv(roleVariable), gone: make(chan struct{})}
	switch s.role {
	case roleSuccessor: // knows its starter only from the old master's offer
	case roleDaemon, roleService:
		s.Become(s.role, starterFD)
	default:
		return nil, false
	}
	os.Unsetenv(roleVariable)
	return s, true
}

// Role is who started this master.
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

// Become continues what another master's starter was, with its socket.
func (s *Starter) Become(role string, fd int) {
	s.role = role
	unix.CloseOnExec(fd)
	if role == roleDaemon && fd != starterFD {
		unix.Close(fd) // the launcher has long gone
		return
	}
	unix.SetNonblock(fd, true)
	s.file = os.NewFile(uintptr(fd), "starter")
	if role == roleService {
		s.first = makerOf(fd) == 1
		go func() {
			defer close(s.gone)
			var b [1]byte
			s.file.Read(b[:]) // a shepherd says nothing: this is its end
		}()
	}
}

// Ready says that the plug serves. A daemon lets go of its terminal first.
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

// Tell tells the shepherd what becomes of this master, with a text for people
// where that is of use.
func (s *Starter) Tell(word, text string) {
	if s.role == roleService {
		s.tell(word, text)
	}
}

// wordPatience is how long a master waits for a starter that does not listen: it
// may be stopped, and its socket full.
const wordPatience = 100 * time.Millisecond

func (s *Starter) tell(word, text string) error {
	if s.file == nil {
		return nil
	}
	patience := wordPatience
	if word == alive || word == status {
		patience = time.Millisecond // the next one says the same
	}
	s.file.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.file.Write(fmt.Appendf(nil, "%s %d %s\n", word, os.Getpid(), text))
	return err
}

// Alive is how often the shepherd wants to hear that this master is alive; 0 is
// never.
func (s *Starter) Alive() time.Duration {
	usec, _ := strconv.Atoi(os.Getenv(aliveVariable))
	return time.Duration(usec) * time.Microsecond / 4
}

// Gone is closed when the shepherd has ended.
func (s *Starter) Gone() <-chan struct{} { return s.gone }

// EndsAll reports whether the shepherd is PID 1, at whose end the kernel kills
// every process. A socket's pair knows who made it (SO_PEERCRED, unix(7)), and
// that stays so for all masters to come.
func (s *Starter) EndsAll() bool {
	return s.role == roleService && s.first
}

// detach puts /dev/null in the place of the descriptors that were the caller's.
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
