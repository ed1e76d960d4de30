// Tests that need mounts: bind mounts, and full disks.

package pidfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mounter returns a helper in its own mount namespace, and root, its view of
// the file tree.
func mounter(t *testing.T) (h *helper, root string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount")
	}
	h = spawn(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	return h, fmt.Sprintf("/proc/%d/root", h.pid())
}

func TestMountPoint(t *testing.T) {
	h, root := mounter(t)
	dir := t.TempDir()
	path, source := filepath.Join(dir, "plug.pid"), filepath.Join(t.TempDir(), "source")
	put(t, path, "1\n")
	put(t, source, "999999\n")
	if s := h.do("bind", source, path); s != "ok" {
		t.Skip("cannot mount:", s)
	}
	h.must("claim", path)
	if got := h.must("inplace"); got != "the path is a mount point" {
		t.Errorf("reason %q", got)
	}
	testInPlace(t, h, root+path)
	if got := read(t, source); got[0] != h.pid() {
		t.Errorf("the mounted file reads %v", got)
	}
	h.must("remove")
	if got := h.must("cat", path); got != `""` {
		t.Errorf("after Remove: %s", got)
	}
	only(t, dir, "plug.pid")
	if got := read(t, path); got[0] != 1 {
		t.Errorf("the file under the mount reads %v", got)
	}
}

func TestDiskFull(t *testing.T) {
	h, root := mounter(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	if s := h.do("tmpfs", dir, "64k"); s != "ok" {
		t.Skip("cannot mount:", s)
	}
	h.must("claim", path)
	fds := fmt.Sprintf("/proc/%d/fd", h.pid())
	held := countFDs(t, fds)
	h.must("write", h.pid(), 2)
	awaitFDs(t, fds, held) // this releases the space of a replaced file
	h.must("fill", dir+"/fill")
	big := []any{"write", h.pid()}
	for range 2000 {
		big = append(big, 1234567)
	}
	// Content that is not longer than before fits into the existing file;
	// longer content fails, and the old content stays.
	for i, write := range [][]any{{"write", h.pid(), 3}, big} {
		got := h.do(write...)
		if i == 0 && got != "ok" || i == 1 && !strings.Contains(got, "no space left on device") {
			t.Errorf("write on a full disk: %.80q", got)
		}
		if got := read(t, root+path); len(got) != 2 || got[1] != 3 {
			t.Errorf("content %.80v, want that of the first write", got)
		}
		if got := h.must("ls", dir); got != "fill plug.pid" {
			t.Errorf("directory holds %s", got)
		}
	}
	if !locked(t, root+path) {
		t.Error("not locked")
	}
	if got := h.do("claim", path+"2"); !strings.Contains(got, "no space left on device") {
		t.Errorf("claim on a full disk: %.80q", got)
	}
	if got := h.must("ls", dir); got != "fill plug.pid" {
		t.Errorf("directory holds %s", got)
	}
}

func TestDiskFullAndFree(t *testing.T) {
	h, root := mounter(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	if s := h.do("tmpfs", dir, "64k"); s != "ok" {
		t.Skip("cannot mount:", s)
	}
	h.must("claim", path)
	h.must("fill", dir+"/fill")
	h.must("write", h.pid(), 3) // it fits into the block that the file has
	// A new master is written into the first line even if there is no room for
	// the rest.
	big := []any{"write", 77}
	for range 2000 {
		big = append(big, 1234567)
	}
	if got := h.do(big...); !strings.Contains(got, "no space left on device") {
		t.Errorf("write on a full disk: %.80q", got)
	}
	if got := read(t, root+path); len(got) != 2 || got[0] != 77 || got[1] != 3 {
		t.Errorf("content %.80v, want the new master in the place of the old one", got)
	}
	h.must("rm", dir+"/fill")
	h.must("write", h.pid(), 4)
	if got := read(t, root+path); len(got) != 2 || got[1] != 4 {
		t.Errorf("content %v", got)
	}
}

// In place, a full disk takes only a part: complete lines must remain.
func TestDiskFullInPlace(t *testing.T) {
	h, root := mounter(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	if s := h.do("tmpfs", dir, "64k"); s != "ok" {
		t.Skip("cannot mount:", s)
	}
	put(t, root+path, "999999\n")
	h.must("bind", path, path)
	h.must("claim", path)
	if got := h.must("inplace"); got == "" {
		t.Fatal("not in place")
	}
	h.must("fill", dir+"/fill")
	big := []any{"write", h.pid()}
	for range 2000 {
		big = append(big, 1234567)
	}
	if got := h.do(big...); !strings.Contains(got, "no space left on device") {
		t.Errorf("write on a full disk: %.80q", got)
	}
	got := read(t, root+path)
	if got[0] != h.pid() || len(got) < 2 {
		t.Errorf("content %.80v", got)
	}
	for _, pid := range got[1:] {
		if pid != 1234567 {
			t.Errorf("a cut line: %d", pid)
		}
	}
	h.must("write", h.pid(), 6)
	if got := read(t, root+path); len(got) != 2 {
		t.Errorf("content %.80v", got)
	}
}
