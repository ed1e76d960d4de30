// Tests of temporary files: leftovers, sweeps and long names.

package pidfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A temporary name that is a second link to the live pidfile (see
// linkNoReplace) must be removed, but the content must stay.
func TestLeftoverIsNeverTruncated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	put(t, path, "42\n")
	held := filepath.Join(dir, "held")
	if err := os.Link(path, held); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, tempName(path, os.Getpid(), 0)); err != nil {
		t.Fatal(err)
	}
	f := claim(t, path)
	if got := read(t, held); got[0] != 42 {
		t.Errorf("the other link reads %v", got)
	}
	only(t, dir, "held", "plug.pid")

	// A locked one belongs to a live process.
	name := tempName(path, os.Getpid(), 0)
	put(t, name, "43\n")
	fd, err := openFile(name, unix.O_RDWR)
	if err != nil || flock(fd) != nil {
		t.Fatal(err)
	}
	if err := f.Write([]int{os.Getpid(), 2}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got[0] != 43 {
		t.Errorf("the foreign temporary file reads %v", got)
	}
	if got := read(t, path); len(got) != 2 {
		t.Errorf("content %v", got)
	}
	_ = unix.Close(fd)
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	for _, name := range []string{".plug.pid.17.tmp", ".plug.pid.18.1.tmp", ".plug.pid.19.tmp", ".plug.pid.tmp", ".plug.pid.x.tmp", ".other.pid.17.tmp"} {
		put(t, filepath.Join(dir, name), "17\n")
	}
	fd, err := openFile(filepath.Join(dir, ".plug.pid.19.tmp"), unix.O_RDONLY)
	if err != nil || flock(fd) != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	claim(t, path)
	only(t, dir, ".other.pid.17.tmp", ".plug.pid.19.tmp", ".plug.pid.tmp", ".plug.pid.x.tmp", "plug.pid")
}

// secure finds out that a sweep took the name between open and lock.
func TestSecureAgainstSweep(t *testing.T) {
	for _, again := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), ".plug.pid.1.tmp")
		fd, err := openFile(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
		if err != nil {
			t.Fatal(err)
		}
		if !unlinkStale(name) {
			t.Fatal("an unlocked file stays")
		}
		if again {
			put(t, name, "")
		}
		tmp := &temp{name: name, fd: fd}
		if err := tmp.secure(); err != errMoved {
			t.Errorf("secure = %v", err)
		}
		_ = unix.Close(fd)
	}
}

func TestLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("x", 255))
	f := claim(t, path)
	if err := f.Write([]int{os.Getpid(), 2}); err != nil {
		t.Error(err)
	}
}

// The two ways to claim a missing path never replace an existing file.
func TestNoReplace(t *testing.T) {
	for name, rename := range map[string]func(string, string) error{"rename": renameNoReplace, "link": linkNoReplace} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		put(t, from, "1\n")
		put(t, to, "2\n")
		if err := rename(from, to); err != unix.EEXIST {
			t.Errorf("%s over a file: %v", name, err)
		}
		if got := read(t, to); got[0] != 2 {
			t.Errorf("%s: content %v", name, got)
		}
		_ = os.Remove(to)
		if err := rename(from, to); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		only(t, dir, "to")
	}
}
