// The sends of a uring have the results that send(2) has.

package kernel

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

const sends = 32 // that the uring is made for

// newUring opens a uring, or skips the test.
func newUring(t *testing.T) *Uring {
	t.Helper()
	r, errno := OpenUring(sends)
	if errno != 0 {
		t.Skipf("no io_uring here: %v", errno)
	}
	t.Cleanup(r.Close)
	return r
}

// Each send of a batch has the result that send(2) would have, in every batch, and sends
// to the same socket keep their order.
func TestUring(t *testing.T) {
	r := newUring(t)
	plain, full, gone := unixPair(t), unixPair(t), unixPair(t)
	unix.SetsockoptInt(full[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10)
	for {
		if _, err := unix.Write(full[0], make([]byte, 100)); err != nil {
			break
		}
	}
	unix.Close(gone[1])
	got := make([]byte, 100)
	for i := range 5 * sends { // several times around both rings
		first, second := fmt.Appendf(nil, "first of %d,", i), fmt.Appendf(nil, "second of %d", i)
		var results [6]int32
		r.Put(5, plain[0], first)
		r.Put(4, full[0], first)
		r.Put(3, gone[0], first)
		r.Put(2, -1, first)
		r.Put(1, plain[0], second)
		if !r.Send(func(tag int, result int32) { results[tag] = result }) {
			t.Fatalf("batch %d was not sent", i)
		}
		if want := [6]int32{0, int32(len(second)), -int32(unix.EBADF), -int32(unix.EPIPE), -int32(unix.EAGAIN), int32(len(first))}; results != want {
			t.Fatalf("batch %d: results %d, want %d", i, results, want)
		}
		if n, _ := unix.Read(plain[1], got); string(got[:max(n, 0)]) != string(first)+string(second) {
			t.Fatalf("batch %d: %q arrived", i, got[:max(n, 0)])
		}
	}
}

// A uring that can't be used reports it.
func TestUringIsGone(t *testing.T) {
	r := newUring(t)
	pair := unixPair(t)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	if err := unix.Dup3(null, r.fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r.Put(1, pair[0], []byte("x"))
	if r.Send(func(tag int, result int32) { t.Errorf("send %d has result %d", tag, result) }) {
		t.Error("all sends were made")
	}
}
