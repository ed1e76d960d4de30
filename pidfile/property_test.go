// Property tests: concurrent readers only ever see complete writes.

package pidfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// version is a content that shows its own length and number, so that a reader
// recognizes a mixture of two.
func version(pids []int, master, v, workers int) []int {
	pids = append(pids[:0], master, workers+1)
	for range workers {
		pids = append(pids, v+1)
	}
	return pids
}

// watcher reads a pidfile repeatedly, and keeps the first error.
type watcher struct {
	stop  atomic.Bool
	done  chan struct{}
	reads int
	err   error
}

func watch(path string, master int) *watcher {
	w := &watcher{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for ; !w.stop.Load() && w.err == nil; w.reads++ {
			var b []byte
			if b, w.err = os.ReadFile(path); w.err == nil {
				if err := checkVersion(b, master); err != nil {
					w.err = fmt.Errorf("%.60q of %d bytes: %w", b, len(b), err)
				}
			}
		}
	}()
	return w
}

func (w *watcher) end() (int, error) {
	w.stop.Store(true)
	<-w.done
	return w.reads, w.err
}

func checkVersion(b []byte, master int) error {
	pids, err := Parse(b)
	if err != nil {
		return err
	}
	if pids[0] != master || len(pids) < 2 || pids[1] != len(pids)-1 {
		return fmt.Errorf("%d lines beginning with %d", len(pids), pids[:min(2, len(pids))])
	}
	for _, pid := range pids[2:] {
		if pid != pids[2] {
			return fmt.Errorf("lines of writes %d and %d", pids[2], pid)
		}
	}
	return nil
}

// memory is a directory on tmpfs, like /run. Before ext4 creates an inode, it
// checks every inode that was deleted within five seconds, and in these tests
// that is all of them.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "pidfile")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Every read returns one complete write, and the path is locked at all times.
func TestReadersSeeWholeWrites(t *testing.T) {
	const writes = 20_000
	dir := memory(t)
	path := filepath.Join(dir, "plug.pid")
	f := claim(t, path)
	master := os.Getpid()
	var pids []int
	if err := f.Write(version(pids, master, 0, 1)); err != nil {
		t.Fatal(err)
	}
	// Processes, not goroutines, which would slow down the writer.
	readers := []*helper{spawn(t, nil), spawn(t, nil)}
	for _, r := range readers {
		r.must("watch", path, master)
	}
	before := countFDs(t, "/dev/fd")
	rnd := rand.New(rand.NewPCG(1, 2))
	for v := range writes {
		size := rnd.IntN(40)
		if v%50 == 0 {
			size = rnd.IntN(4096)
		}
		pids = version(pids, master, v, size)
		if err := f.Write(pids); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range readers {
		reads, _ := strconv.Atoi(r.must("watched"))
		if reads < 1000 {
			t.Errorf("only %d reads", reads)
		}
		t.Logf("%d reads during %d writes", reads, writes)
	}
	awaitFDs(t, "/dev/fd", before)
	only(t, dir, "plug.pid")
}
