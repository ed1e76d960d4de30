// Tests of a pidfile's life: claim, write, remove and close.

package pidfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func claim(t *testing.T, path string) *File {
	t.Helper()
	f, err := Claim(path, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func read(t *testing.T, path string) []int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := Parse(b)
	if err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return pids
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func locked(t *testing.T, path string) bool {
	t.Helper()
	fd, err := openFile(path, unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	return flock(fd) == unix.EWOULDBLOCK
}

// only fails unless the directory contains exactly these names.
func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func TestLife(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	h := spawn(t, nil)
	h.must("umask")
	h.must("claim", path)
	if got := read(t, path); !slices.Equal(got, []int{h.pid()}) {
		t.Errorf("content %v, want %d", got, h.pid())
	}
	fi, _ := os.Stat(path)
	if fi.Mode() != 0o644 {
		t.Errorf("mode %v under umask 077", fi.Mode())
	}
	h.must("write", h.pid(), 12, 123456)
	if got := read(t, path); !slices.Equal(got, []int{h.pid(), 12, 123456}) {
		t.Errorf("content %v", got)
	}
	if fi, _ := os.Stat(path); fi.Mode() != 0o644 {
		t.Errorf("mode %v after a write", fi.Mode())
	}
	if !locked(t, path) {
		t.Error("not locked")
	}
	if s := h.must("inplace"); s != "" {
		t.Errorf("in place: %s", s)
	}
	only(t, dir, "plug.pid")
	h.must("remove")
	only(t, dir)
}

func TestDescriptor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	before := countFDs(t, "/dev/fd")
	f := claim(t, path)
	for i := range 100 {
		if err := f.Write([]int{os.Getpid(), 1 + i}); err != nil {
			t.Fatal(err)
		}
		flags, err := unix.FcntlInt(uintptr(f.FD()), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Fatalf("descriptor flags %#x, %v", flags, err)
		}
		if id, _ := identify(f.FD()); id != f.id {
			t.Fatal("FD isn't the held inode")
		}
	}
	awaitFDs(t, "/dev/fd", before+1)
	for range 3 {
		if _, err := Claim(path, os.Getpid()); err == nil {
			t.Fatal("claimed twice")
		}
	}
	awaitFDs(t, "/dev/fd", before+1)
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	awaitFDs(t, "/dev/fd", before)
	if err := f.Write([]int{1}); err == nil {
		t.Error("a released file can be written")
	}
	if err := errors.Join(f.Remove(), f.Close()); err != nil {
		t.Error("released twice:", err)
	}
}

func countFDs(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Skip("no directory to count descriptors:", err)
	}
	return len(entries)
}

// awaitFDs waits until dir lists at most this many descriptors: replaced
// files, also those of an earlier test, are closed in the background.
func awaitFDs(t *testing.T, dir string, most int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); countFDs(t, dir) > most; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d descriptors, want %d", countFDs(t, dir), most)
		}
	}
}

func TestWriteRefusesNonsense(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	for _, pids := range [][]int{nil, {}, {0}, {1, -1}} {
		if err := f.Write(pids); err == nil {
			t.Errorf("Write(%v) succeeded", pids)
		}
	}
	if got := read(t, path); !slices.Equal(got, []int{os.Getpid()}) {
		t.Errorf("content %v", got)
	}
	if _, err := Claim(path+"2", 0); err == nil {
		t.Error("claimed for PID 0")
	}
}

func TestStale(t *testing.T) {
	for _, content := range []string{"999999\n", "1\n2\n", "", "12", "no pidfile at all", strings.Repeat("99999\n", 5000)} {
		dir := t.TempDir()
		path := filepath.Join(dir, "plug.pid")
		put(t, path, content)
		f := claim(t, path)
		if got := read(t, path); !slices.Equal(got, []int{os.Getpid()}) {
			t.Errorf("after %.20q: content %v", content, got)
		}
		only(t, dir, "plug.pid")
		_ = f.Close()
	}
}

func TestRemoveLeavesWhatIsNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	_ = os.Remove(path)
	put(t, path, "42\n")
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	if got := read(t, path); got[0] != 42 {
		t.Errorf("content %v", got)
	}

	f = claim(t, path)
	_ = os.Remove(path)
	if err := f.Remove(); err != nil {
		t.Error("already gone:", err)
	}
}

// A pidfile that an admin has removed or overwritten comes back.
func TestWritePutsItBack(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	f := claim(t, path)
	for _, spoil := range []func(){
		func() { _ = os.Remove(path) },
		func() { _ = os.Remove(path); put(t, path, "42\n") },
		func() { _ = os.Rename(path, path+".old"); put(t, path, "") },
	} {
		spoil()
		if err := f.Write([]int{os.Getpid(), 7}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); !slices.Equal(got, []int{os.Getpid(), 7}) {
			t.Errorf("content %v", got)
		}
		if !locked(t, path) {
			t.Error("not locked")
		}
	}
	only(t, dir, "plug.pid", "plug.pid.old")
}

// But if another live master has taken the path since, it keeps it.
func TestWriteRespectsAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	_ = os.Remove(path)
	h := spawn(t, nil)
	h.must("claim", path)
	var held *HeldError
	if err := f.Write([]int{os.Getpid()}); !errors.As(err, &held) || held.PID != h.pid() {
		t.Fatalf("Write = %v, want held by %d", err, h.pid())
	}
	if got := read(t, path); got[0] != h.pid() {
		t.Errorf("content %v", got)
	}
	h.must("remove")
	if err := f.Write([]int{os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got[0] != os.Getpid() {
		t.Errorf("content %v", got)
	}
}
