// Helpers of tests that play the other side of an upgrade: both ends of a handover
// socket, and descriptors that report when they were closed.

package supervisor

import (
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/handover"
)

// trackedFD returns the write end of a pipe, and a function that reports whether
// every copy of it has been closed.
func trackedFD(t testing.TB) (write int, closed func() bool) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	fd, err := unix.Dup(int(w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	unix.CloseOnExec(fd)
	return fd, func() bool {
		unix.Close(fd)
		r.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := r.Read(make([]byte, 1))
		return err == io.EOF
	}
}

// handoverPair returns both ends of a handover socket.
func handoverPair(t testing.TB) (a, b handover.Wire) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := []*os.File{os.NewFile(uintptr(pair[0]), "a"), os.NewFile(uintptr(pair[1]), "b")} // each is closed only once
	t.Cleanup(func() {
		for _, f := range files {
			f.Close()
		}
	})
	return handover.Wire{FD: pair[0]}, handover.Wire{FD: pair[1]}
}

// hangUp closes the connection of one side; the descriptor stays open for the
// clean-up.
func hangUp(w handover.Wire) { unix.Shutdown(w.FD, unix.SHUT_RDWR) }
