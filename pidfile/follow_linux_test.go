// Tests of Follow and of links that change before an upgrade.

package pidfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// linked returns a claimed pidfile that a link points to, and another
// directory for it.
func linked(t *testing.T) (f *File, link, from, to string) {
	t.Helper()
	dir := t.TempDir()
	link, from, to = filepath.Join(dir, "link"), filepath.Join(dir, "a", "pid"), filepath.Join(dir, "b", "pid")
	for _, path := range []string{from, to} {
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	point(t, link, from)
	return claim(t, link), link, from, to
}

// point makes a link lead somewhere else, as ln -sfn does.
func point(t *testing.T, link, to string) {
	t.Helper()
	os.Remove(link)
	if err := os.Symlink(to, link); err != nil {
		t.Fatal(err)
	}
}

// follows makes f move to the new place with these PIDs, and checks that the
// old file is gone.
func follows(t *testing.T, f *File, from, to string) {
	t.Helper()
	pids := []int{os.Getpid(), 7}
	if f.Current() {
		t.Fatal("the file is not where the link leads, and Current does not see it")
	}
	if err := f.Follow(pids); err != nil {
		t.Fatal(err)
	}
	if got := read(t, to); !slices.Equal(got, pids) || !locked(t, to) || !f.Current() {
		t.Errorf("content %v, locked %v, current %v", got, locked(t, to), f.Current())
	}
	if _, err := os.Stat(from); !os.IsNotExist(err) {
		t.Errorf("the old file is still there: %v", err)
	}
}

func TestFollowsALink(t *testing.T) {
	f, link, from, to := linked(t)
	if err := f.Follow([]int{1}); err != nil || !f.Current() {
		t.Fatalf("nothing has moved: %v, current %v", err, f.Current())
	}
	point(t, link, to)
	follows(t, f, from, to)
}

// Another plug's pidfile stays that plug's, and ours stays ours.
func TestFollowsNoLinkIntoAnotherPlug(t *testing.T) {
	f, link, from, to := linked(t)
	other := claim(t, to)
	point(t, link, to)
	f.Current()
	var held *HeldError
	if err := f.Follow([]int{os.Getpid()}); !errors.As(err, &held) {
		t.Errorf("Follow = %v, want a *HeldError", err)
	}
	if err := f.Write([]int{os.Getpid(), 8}); err != nil || !locked(t, from) {
		t.Errorf("Write = %v, locked %v", err, locked(t, from))
	}
	if err := other.Remove(); err != nil {
		t.Fatal(err)
	}
	follows(t, f, from, to)
}

// If a link was changed shortly before an upgrade, the new master follows it.
func TestAdoptFollowsALink(t *testing.T) {
	old, link, from, to := linked(t)
	point(t, link, to)
	fd, err := unix.FcntlInt(uintptr(old.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Adopt(link, fd)
	if err != nil {
		t.Fatal(err)
	}
	follows(t, f, from, to)
	_ = f.Close()
}

// If the directory is missing at an upgrade, the master waits for it.
func TestAdoptWithoutDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "pid")
	old := claim(t, path)
	for _, back := range []func() error{
		func() error { return os.Rename(dir+".away", dir) },
		func() error { return os.Mkdir(dir, 0o755) },
	} {
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.FcntlInt(uintptr(old.FD()), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Adopt(path, fd)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write([]int{os.Getpid()}); !errors.Is(err, unix.ENOENT) {
			t.Errorf("Write without the directory = %v", err)
		}
		if err := back(); err != nil {
			t.Fatal(err)
		}
		if err := f.Write([]int{os.Getpid(), 9}); err != nil || !slices.Equal(read(t, path), []int{os.Getpid(), 9}) || !locked(t, path) {
			t.Errorf("Write with the directory = %v", err)
		}
		old = f
	}
}
