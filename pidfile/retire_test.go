// A test of slow closes of replaced files.

package pidfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A disk that is slow to close replaced files delays no Write until there are
// too many of them; and in the end all are closed.
func TestSlowClose(t *testing.T) {
	f, err := Claim(filepath.Join(t.TempDir(), "pid"), os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	disk, closed := make(chan struct{}), make(chan int, 10*retiring)
	f.closeFD = func(fd int) error {
		<-disk
		closed <- fd
		return unix.Close(fd)
	}
	written := make(chan int, 10*retiring)
	go func() {
		defer close(written)
		for n := range retiring + 10 {
			if err := f.Write([]int{os.Getpid(), n + 1}); err != nil {
				t.Error(err)
			}
			if left := n + 1 - len(closed); left > retiring+1 { // the closer is working on one of them
				t.Errorf("%d replaced files are open, more than %d", left, retiring+1)
			}
			written <- n
		}
		f.Remove()
	}()
	next := func() int {
		select {
		case n, more := <-written:
			if !more {
				return -1
			}
			return n
		case <-time.After(10 * time.Second):
			t.Fatal("Write waits for close(2)")
			return 0
		}
	}
	for n := range retiring {
		if got := next(); got != n {
			t.Fatalf("Write %d came where %d should", got, n)
		}
	}
	close(disk)
	for next() >= 0 {
	}
	for n := range retiring + 10 {
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d replaced files were closed, of %d", n, retiring+10)
		}
	}
}
