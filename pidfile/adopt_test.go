// Tests of Adopt: how a pidfile passes from one master to the next.

package pidfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestHandover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	if err := f.Write([]int{os.Getpid(), 77}); err != nil {
		t.Fatal(err)
	}
	dup, err := unix.FcntlInt(uintptr(f.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	passed := os.NewFile(uintptr(dup), "pidfile")
	next := spawn(t, nil, passed)
	_ = passed.Close()
	next.must("adopt", path, 3)
	if got := read(t, path); !slices.Equal(got, []int{os.Getpid(), 77}) {
		t.Errorf("content %v after Adopt", got)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !locked(t, path) {
		t.Fatal("the old master's Close took the lock from the new one")
	}
	next.must("write", next.pid(), 77)
	other := spawn(t, nil)
	if got, want := other.do("claim", path), fmt.Sprint("held ", next.pid()); got != want {
		t.Errorf("third process: %q, want %q", got, want)
	}
	next.must("remove")
	other.must("claim", path)
}

// If the new master fails, the old one keeps the pidfile, even after the
// descriptor was sent.
func TestHandoverFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	dup, err := unix.FcntlInt(uintptr(f.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	passed := os.NewFile(uintptr(dup), "pidfile")
	next := spawn(t, nil, passed)
	_ = passed.Close()
	next.must("adopt", path, 3)
	next.kill()
	if !locked(t, path) {
		t.Fatal("the new master's end took the lock from the old one")
	}
	if err := f.Write([]int{os.Getpid(), 78}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); !slices.Equal(got, []int{os.Getpid(), 78}) {
		t.Errorf("content %v", got)
	}
}

func TestAdoptRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	fd, err := openFile(path, unix.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Adopt(path, fd); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("Adopt of a descriptor without the lock = %v", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
		t.Error("a refused descriptor was closed:", err)
	}
	_ = unix.Close(fd)
	if _, err := Adopt(path, fd); !errors.Is(err, unix.EBADF) {
		t.Errorf("Adopt of a closed descriptor = %v", err)
	}
	_ = f.Close()
}
