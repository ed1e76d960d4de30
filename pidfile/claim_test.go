// Tests of Claim: locks that are held, races, links and errors.

package pidfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	h := spawn(t, nil)
	h.must("claim", path)
	_, err := Claim(path, os.Getpid())
	var held *HeldError
	if !errors.As(err, &held) || held.PID != h.pid() || held.Path != path {
		t.Fatalf("Claim = %v", err)
	}
	if want := fmt.Sprintf("pidfile %s: held by process %d", path, h.pid()); err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
	h.must("remove")
	_ = claim(t, path).Close()

	h.must("claim", path)
	h.kill()
	if got := read(t, path); got[0] != h.pid() {
		t.Fatalf("content %v of a killed holder", got)
	}
	claim(t, path)
	if got := read(t, path); got[0] != os.Getpid() {
		t.Errorf("content %v", got)
	}
}

// If the holder of a lock cannot be found, as in another PID namespace, Claim
// waits for the lock and in the end respects it.
func TestHeldByNobodyKnown(t *testing.T) {
	for _, tt := range []struct {
		content string
		pid     int
		text    string
	}{{"", 0, "locked by another process"}, {"2147483647\n", 2147483647, "held by process 2147483647"}} {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "plug.pid")
			put(t, path, tt.content)
			f := claim(t, path)
			if err := os.WriteFile(path, []byte(tt.content), 0); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err := Claim(path, os.Getpid())
			var held *HeldError
			if !errors.As(err, &held) || held.PID != tt.pid || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Claim = %v", err)
			}
			if d := time.Since(start); d < patience || d > 2*patience {
				t.Errorf("refused after %v", d)
			}
			_ = f.Close()
		})
	}
}

// A starter meets a holder that is writing: the file that it opened may be
// replaced before it is locked.
func TestHeldWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	f := claim(t, path)
	h := spawn(t, nil)
	for range 20 {
		h.send("claim", path)
		answer := make(chan string)
		go func() { answer <- h.answer() }()
		for done := false; !done; {
			select {
			case s := <-answer:
				if want := fmt.Sprint("held ", os.Getpid()); s != want {
					t.Fatalf("answer %q, want %q", s, want)
				}
				done = true
			default:
				if err := f.Write([]int{os.Getpid(), 2, 3}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Of two processes that start at the same time, exactly one wins, and the
// other one names it, even if they find a pidfile with the PID of a live
// process.
func TestRace(t *testing.T) {
	tries := 200
	if testing.Short() {
		tries = 50
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "plug.pid")
	a, b := spawn(t, nil), spawn(t, nil)
	wins := map[*helper]int{}
	for i := range tries {
		if i%2 == 1 {
			put(t, path, fmt.Sprintln(os.Getpid()))
		}
		at := time.Now().Add(2 * time.Millisecond).UnixNano()
		a.send("claim", path, at)
		b.send("claim", path, at)
		winner, loser, refusal := a, b, ""
		switch sa, sb := a.answer(), b.answer(); {
		case sa == "ok" && sb != "ok":
			refusal = sb
		case sb == "ok" && sa != "ok":
			winner, loser, refusal = b, a, sa
		default:
			t.Fatalf("try %d: %q and %q", i, sa, sb)
		}
		if want := fmt.Sprint("held ", winner.pid()); refusal != want {
			t.Fatalf("try %d: the loser %d says %q, want %q", i, loser.pid(), refusal, want)
		}
		if got := read(t, path); got[0] != winner.pid() {
			t.Fatalf("try %d: content %v, winner %d", i, got, winner.pid())
		}
		only(t, dir, "plug.pid")
		wins[winner]++
		winner.must("remove")
	}
	t.Logf("won %d and %d of %d", wins[a], wins[b], tries)
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "file"), "")
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	// Not a device: if the check failed, Claim would replace it.
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{"", "empty path"},
		{dir, "is a directory"},
		{"/", "is a directory"},
		{dir + "/file/", "is a directory"},
		{dir + "/none/plug.pid", "directory " + dir + "/none: no such file or directory"},
		{dir + "/file/plug.pid", "directory " + dir + "/file: not a directory"},
		{dir + "/loop", "too many levels of symbolic links"},
		{dir + "/" + strings.Repeat("x", 300), "file name too long"},
		{dir + "/pipe", "is not a regular file"},
	}
	for _, tt := range tests {
		_, err := Claim(tt.path, os.Getpid())
		if want := "pidfile " + tt.path + ": " + tt.want; err == nil || err.Error() != want {
			t.Errorf("Claim(%q) = %v, want %s", tt.path, err, want)
		}
	}
	only(t, dir, "file", "loop", "pipe")
}

func TestLinks(t *testing.T) {
	for name, link := range map[string]string{
		"relative":                   "../real/plug.pid",
		"through a linked directory": "alias/../plug.pid",
		"chain":                      "second",
	} {
		for _, there := range []bool{false, true} {
			dir := t.TempDir()
			for _, d := range []string{"real/deep", "links"} {
				if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			path, target := filepath.Join(dir, "links/plug.pid"), filepath.Join(dir, "real/plug.pid")
			_ = os.Symlink(filepath.Join(dir, "real/deep"), filepath.Join(dir, "links/alias"))
			_ = os.Symlink(target, filepath.Join(dir, "links/second"))
			if err := os.Symlink(link, path); err != nil {
				t.Fatal(err)
			}
			if there {
				put(t, target, "999999\n")
			}
			f := claim(t, path)
			if err := f.Write([]int{os.Getpid(), 5}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got, _ := os.Readlink(path); got != link {
				t.Errorf("%s: the link is now %q", name, got)
			}
			if got := read(t, target); len(got) != 2 {
				t.Errorf("%s: content %v", name, got)
			}
			if id, err := identifyPath(f.Path()); err != nil || id != f.id {
				t.Errorf("%s: Path %s isn't the file: %v", name, f.Path(), err)
			}
			if err := f.Remove(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			only(t, filepath.Join(dir, "real"), "deep")
		}
	}
}

// A daemon leaves the directory in which it was started.
func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	h := spawn(t, nil)
	h.must("cd", dir)
	h.must("claim", "plug.pid")
	h.must("cd", "/")
	h.must("write", h.pid(), 9)
	if got := read(t, filepath.Join(dir, "plug.pid")); len(got) != 2 {
		t.Errorf("content %v", got)
	}
	h.must("remove")
	only(t, dir)
}

// The file that was opened may have been replaced before it is locked: that is
// neither a refusal nor a claim, only a reason to try again.
func TestConfirm(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(path string) error
		want      error
	}{
		"still there": {func(string) error { return nil }, nil},
		"removed":     {os.Remove, errMoved},
		"replaced": {func(path string) error {
			put(t, path+".new", "1\n")
			return os.Rename(path+".new", path)
		}, errMoved},
	} {
		path := filepath.Join(t.TempDir(), "plug.pid")
		put(t, path, "4711\n")
		fd, err := openFile(path, unix.O_RDWR)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.meanwhile(path); err != nil {
			t.Fatal(err)
		}
		if _, err := (&File{given: path, path: path, fd: -1}).confirm(fd); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		unix.Close(fd)
	}
}
