// Tests of rewriting in place: when it happens, and what readers see.

package pidfile

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// unprivileged starts a helper without privileges, in a directory tree that it can
// access.
func unprivileged(t *testing.T) (h *helper, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to become another user")
	}
	// t.TempDir's parent is not accessible to others.
	dir, err := os.MkdirTemp("", "pidfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h = spawn(t, nil)
	h.must("drop")
	return h, dir
}

func TestUnwritableDirectory(t *testing.T) {
	h, dir := unprivileged(t)
	path := filepath.Join(dir, "plug.pid")

	if got, want := h.do("claim", path), "error pidfile "+path+": directory "+dir+" is not writable (permission denied)"; got != want {
		t.Errorf("absent file: %q, want %q", got, want)
	}
	put(t, path, "999999\n999998\n")
	if got, want := h.do("claim", path), "error pidfile "+path+": permission denied"; got != want {
		t.Errorf("unwritable file: %q, want %q", got, want)
	}
	f := claim(t, path)
	if got, want := h.do("claim", path), fmt.Sprint("held ", os.Getpid()); got != want {
		t.Errorf("unwritable file that is held: %q, want %q", got, want)
	}
	_ = f.Close()

	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	h.must("claim", path)
	if got, want := h.must("inplace"), "directory "+dir+" is not writable (permission denied)"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
	testInPlace(t, h, path)
}

// The same without changing the user.
func TestUnwritableOwnDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere; TestUnwritableDirectory is for root")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	put(t, path, "999999\n")
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(path, 0o444)
	if _, err := Claim(path, os.Getpid()); !errors.Is(err, unix.EACCES) {
		t.Errorf("unwritable file: %v", err)
	}
	if _, err := Claim(path+"2", os.Getpid()); err == nil || !strings.Contains(err.Error(), "not writable") {
		t.Errorf("absent file: %v", err)
	}
	_ = os.Chmod(path, 0o644)
	h := spawn(t, nil)
	h.must("claim", path)
	testInPlace(t, h, path)
	h.must("remove")
	if b, err := os.ReadFile(path); err != nil || len(b) != 0 {
		t.Errorf("%q, %v", b, err)
	}
}

// In a directory such as /tmp, another user's file may be written but not
// replaced.
func TestStickyDirectory(t *testing.T) {
	h, dir := unprivileged(t)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "plug.pid")
	put(t, path, "999999\n")
	_ = os.Chmod(path, 0o666)
	h.must("claim", path)
	if got := h.must("inplace"); !strings.Contains(got, "does not allow") {
		t.Errorf("reason %q", got)
	}
	only(t, dir, "plug.pid")
	testInPlace(t, h, path)
}

// The pidfile still works when its directory stops being writable.
func TestDirectoryTurnsUnwritable(t *testing.T) {
	h, dir := unprivileged(t)
	_ = os.Chmod(dir, 0o777)
	path := filepath.Join(dir, "plug.pid")
	h.must("claim", path)
	if got := h.must("inplace"); got != "" {
		t.Errorf("reason %q", got)
	}
	_ = os.Chmod(dir, 0o755)
	testInPlace(t, h, path)
	if got := h.must("inplace"); !strings.Contains(got, "not writable") {
		t.Errorf("reason %q", got)
	}
	_ = os.Remove(path)
	if got := h.do("write", h.pid()); !strings.Contains(got, "not writable") {
		t.Errorf("write after the file was removed: %q", got)
	}
	_ = os.Chmod(dir, 0o777)
	h.must("write", h.pid(), 5)
	if got := read(t, path); len(got) != 2 {
		t.Errorf("content %v", got)
	}
	if got := h.must("inplace"); got != "" {
		t.Errorf("reason %q although the directory is writable", got)
	}
}

// testInPlace writes through h, which has path in place: contents, the lock,
// an inode that never changes, and an empty file at the end.
func testInPlace(t *testing.T, h *helper, path string) {
	t.Helper()
	before, err := identifyPath(path)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		pids := []any{"write", h.pid()}
		for range rnd.IntN(300) {
			pids = append(pids, 1+rnd.IntN(4_000_000))
		}
		h.must(pids...)
		b, _ := os.ReadFile(path)
		if want := strings.ReplaceAll(strings.TrimPrefix(fmt.Sprintln(pids...), "write "), " ", "\n"); string(b) != want {
			t.Fatalf("content %.60q, want %.60q", b, want)
		}
	}
	if after, _ := identifyPath(path); after != before {
		t.Error("not the same inode")
	}
	other := spawn(t, nil)
	if got, want := other.do("claim", path), fmt.Sprint("held ", h.pid()); got != want {
		t.Errorf("second process: %q, want %q", got, want)
	}
}

// A file that cannot be unlinked is emptied, and can be claimed again.
func TestRemoveInPlace(t *testing.T) {
	h, dir := unprivileged(t)
	path := filepath.Join(dir, "plug.pid")
	put(t, path, "999999\n")
	_ = os.Chmod(path, 0o666)
	for range 2 {
		h.must("claim", path)
		h.must("write", h.pid(), 8)
		h.must("remove")
		if b, err := os.ReadFile(path); err != nil || len(b) != 0 {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// Between write and truncation the file holds the new PIDs and blank lines.
func TestFill(t *testing.T) {
	for _, pids := range [][]int{{1}, {4711, 4712}, {1000000, 1, 22, 333}} {
		var f File
		if err := f.format(pids); err != nil {
			t.Fatal(err)
		}
		for old := range int64(50) {
			b := fill(slices.Clone(f.buf), old)
			got, err := Parse(b)
			if err != nil || !slices.Equal(got, pids) || int64(len(b)) < old {
				t.Errorf("%q over %d bytes: %v, %v", b, old, got, err)
			}
		}
	}
}

// A reader that reads the file with one read always finds the master. Whether
// the filesystem shows it half of a write is logged, but is not an error: see
// rewrite.
func TestInPlaceReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	f.reason = "a test says so"
	const master = 1000000
	if err := f.Write([]int{master}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		defer close(done)
		rnd := rand.New(rand.NewPCG(5, 6))
		for range 5000 {
			pids := []int{master}
			for range rnd.IntN(2000) {
				pids = append(pids, 1+rnd.IntN(4_000_000))
			}
			if err := f.Write(pids); err != nil {
				done <- err
				return
			}
		}
	}()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	buf := make([]byte, 1<<20)
	for reads, torn := 1, 0; ; reads++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d reads, %d torn", reads, torn)
			return
		default:
		}
		n, _ := file.ReadAt(buf, 0)
		if !bytes.HasPrefix(buf[:n], []byte("1000000\n")) {
			t.Fatalf("%d bytes, %.40q", n, buf[:n])
		}
		if _, err := Parse(buf[:n]); err != nil {
			torn++
		}
	}
}
