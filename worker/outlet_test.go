//go:build linux

// A reader that stops for a while still receives only whole texts.

package worker

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// takeAll reads what is there.
func takeAll(fd int) (all []byte) {
	unix.SetNonblock(fd, true) // os.File's Fd makes it block
	p := make([]byte, 1<<16)
	for {
		n, err := unix.Read(fd, p)
		if err != nil || n <= 0 {
			return all
		}
		all = append(all, p[:n]...)
	}
}

// If a reader took the beginning of a text, that text is finished before the next one; if
// it took nothing, nothing of the text remains.
func TestOutletKeepsTextsWhole(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	o := outlet{fd: pair[0], socket: true}
	long := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	if errno := o.put(long); errno != 0 || len(o.rest) == 0 {
		t.Fatalf("put %d bytes: %v, %d left", len(long), errno, len(o.rest))
	}
	if errno := o.put([]byte("refused\n")); errno != syscall.EAGAIN {
		t.Fatalf("put into a full socket: %v", errno)
	}
	var got []byte
	for len(o.rest) > 0 {
		got = append(got, takeAll(pair[1])...)
		o.put(nil)
	}
	if errno := o.put([]byte("next\n")); errno != 0 {
		t.Fatal(errno)
	}
	got = append(got, takeAll(pair[1])...)
	if want := string(long) + "next\n"; string(got) != want {
		t.Errorf("%d bytes came, not %d; the last ones are %q", len(got), len(want), got[max(0, len(got)-20):])
	}
}

// A reader that has gone is an error, and what it did not read goes to no other reader.
func TestOutletWithoutReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *os.File {
		r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := open()
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	o := outlet{fd: fd}
	for o.put([]byte(strings.Repeat("x", 4095)+"\n")) == 0 {
	}
	r.Close()
	if errno := o.put([]byte("nobody\n")); errno != syscall.EPIPE {
		t.Errorf("put without a reader: %v", errno)
	}
	r = open()
	defer r.Close()
	takeAll(int(r.Fd())) // what the pipe still held
	if errno := o.put([]byte("again\n")); errno != 0 {
		t.Errorf("put to the next reader: %v", errno)
	}
	if text := string(takeAll(int(r.Fd()))); text != "again\n" {
		t.Errorf("the next reader got %q", text)
	}
}
