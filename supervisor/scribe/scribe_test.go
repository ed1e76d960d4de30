package scribe

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// passes runs pass from a new pipe to a file, and gives the pipe's other end and
// what is closed when it has come back.
func passes(t *testing.T, to *os.File) (w *os.File, over chan struct{}) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	over = make(chan struct{})
	from := int(r.Fd()) // and no longer non-blocking
	go func() {
		defer close(over)
		defer r.Close()
		pass(from, int(to.Fd()), again/2)
	}()
	return w, over
}

// Lines reach the file, and the end of their last writer is a scribe's end.
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

// A file that takes nothing is tried for as long as somebody writes to the pipe, and
// for a while after.
func TestPassGivesUp(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name) // not for writing
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
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Fatal("it is tried for ever")
	}
}
