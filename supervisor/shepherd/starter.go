package shepherd

import (
	"os"

	"golang.org/x/sys/unix"
)

// Starter is the master's side of the starter socket.
type Starter struct {
	role string
	file *os.File
	gone chan struct{}
}

// Find tells whether this process is a master, and by whom it was started.
func Find() (*Starter, bool) {
	role := os.Getenv(roleVariable)
	if role != roleDaemon && role != roleService {
		return nil, false
	}
	os.Unsetenv(roleVariable)
	unix.CloseOnExec(starterFD)
	unix.SetNonblock(starterFD, true)
	s := &Starter{role: role, file: os.NewFile(starterFD, "starter")}
	if role == roleService {
		s.gone = make(chan struct{})
		go func() {
			defer close(s.gone)
			var b [1]byte
			s.file.Read(b[:]) // a shepherd says nothing: this is its end
		}()
	}
	return s, true
}

// Ready says that the plug serves. A daemon lets go of its terminal first.
func (s *Starter) Ready() error {
	if s.role == roleDaemon {
		if err := detach(); err != nil {
			return err
		}
	}
	_, err := s.file.Write([]byte{served})
	if s.role == roleDaemon {
		s.file.Close()
	}
	return err
}

// Gone is closed when the shepherd has ended; nil for a daemon.
func (s *Starter) Gone() <-chan struct{} { return s.gone }

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
