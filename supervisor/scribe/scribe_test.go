// Tests of a scribe: copying, and files that take nothing.

package scribe

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// passes runs pass from a new pipe to a file. It returns the pipe's other end,
// and a channel that is closed when pass has returned.
func passes(t *testing.T, to *os.File) (w *os.File, over chan struct{}) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	over = make(chan struct{})
	from := int(r.Fd()) // Fd makes it blocking
	go func() {
		defer close(over)
		defer r.Close()
		pass(from, int(to.Fd()), again/2)
	}()
	return w, over
}

// Lines reach the file, and a scribe ends with its last writer.
func TestPass(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "lines"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, over := passes(t, f)
	w.WriteString("one\n")
	w.WriteString("two\n")
	w.Close()
	<-over
	if got, _ := os.ReadFile(f.Name()); string(got) != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
}

// If a file takes nothing, pass tries again as long as the pipe has a writer,
// and for a while after that.
func TestPassGivesUp(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name) // read-only
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, over := passes(t, f)
	w.WriteString("lost\n")
	select {
	case <-over:
		t.Error("it was given up while somebody could write more")
	case <-time.After(3 * again):
	}
	w.Close()
	ends(t, over)
}
