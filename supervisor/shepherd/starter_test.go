// Tests of the master's messages to its starter.

package shepherd

import (
	"bufio"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// becoming returns a Starter with a socket, and the socket's other end.
func becoming(t *testing.T, role string) (*Starter, *os.File, int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(pair[0], true)
	there := os.NewFile(uintptr(pair[0]), "shepherd")
	t.Cleanup(func() { there.Close() })
	there.SetReadDeadline(time.Now().Add(patience))
	s := &Starter{role: roleSuccessor, gone: make(chan struct{})}
	s.Become(role, pair[1])
	return s, there, pair[1]
}

// What a master sends, line by line, with its PID.
func TestMessages(t *testing.T) {
	s, there, fd := becoming(t, roleService)
	if s.Role() != roleService || s.FD() != fd {
		t.Errorf("role %q, descriptor %d", s.Role(), s.FD())
	}
	s.Tell(successor, "")
	if err := s.Ready(); err != nil {
		t.Fatal(err)
	}
	s.Tell(replaced, "")
	s.Tell(failed, "")
	lines := bufio.NewReader(there)
	for _, text := range []string{successor, served, replaced, failed} {
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("%s %d \n", text, os.Getpid()) {
			t.Errorf("%q, %v; want %q", line, err, text)
		}
	}
	select {
	case <-s.Gone():
		t.Fatal("the shepherd is said to be gone")
	case <-time.After(20 * time.Millisecond):
	}
	there.Close()
	select {
	case <-s.Gone():
	case <-time.After(patience):
		t.Error("the shepherd's end goes unnoticed")
	}
	s.Tell(failed, "") // without a reader
	s.file.Close()
}

// A reader parses what a Starter sends, and ignores malformed lines.
func TestReader(t *testing.T) {
	s, there, _ := becoming(t, roleService)
	fmt.Fprintf(s.file, "\nnonsense\nmaster\nmaster x\n")
	s.Tell(replaced, "")
	s.Tell(status, "3 sessions, 1 target failed")
	s.file.SetWriteDeadline(time.Time{}) // that of Tell would pass before these
	fmt.Fprintf(s.file, "new 1 with more\n"+served+" 1")
	e, err := newReader(there)
	if err != nil {
		t.Fatal(err)
	}
	var first, then []message
	until(t, "three messages are read", func() bool { first = append(first, e.take()...); return len(first) == 3 })
	fmt.Fprintf(s.file, "2\n") // an incomplete line, continued later
	s.Ready()
	s.file.Close()
	until(t, "the rest is read", func() bool { then = append(then, e.take()...); return len(then) == 2 })
	us := os.Getpid()
	if want := fmt.Sprint([]message{{replaced, us, ""}, {status, us, "3 sessions, 1 target failed"}, {"new", 1, "with more"}}); fmt.Sprint(first) != want {
		t.Errorf("first %v, want %v", first, want)
	}
	if want := fmt.Sprint([]message{{served, 12, ""}, {served, us, ""}}); fmt.Sprint(then) != want {
		t.Errorf("then %v, want %v", then, want)
	}
}

// A daemon's launcher has ended long before its successor takes over.
func TestDaemonsSuccessor(t *testing.T) {
	s, there, fd := becoming(t, roleDaemon)
	if err := unix.Fstat(fd, new(unix.Stat_t)); err != unix.EBADF {
		t.Errorf("its socket is still open: %v", err)
	}
	if err := s.Ready(); err != nil || s.FD() != -1 {
		t.Errorf("%v, descriptor %d", err, s.FD())
	}
	s.Tell(replaced, "")
	if n, _ := there.Read(make([]byte, 1)); n != 0 {
		t.Error("it sends something")
	}
}
