//go:build linux && !portable

// Pieces of several sessions, sent together or one by one.

package worker

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/kernel"
)

// newUring opens a uring, or skips the test.
func newUring(t *testing.T) *kernel.Uring {
	t.Helper()
	r, errno := kernel.OpenUring(pieces)
	if errno != 0 {
		t.Skipf("no io_uring here: %v", errno)
	}
	t.Cleanup(r.Close)
	return r
}

// eachWay runs a test with pieces that are sent together, and with pieces that are sent
// one by one.
func eachWay(t *testing.T, test func(t *testing.T, e *engine)) {
	t.Run("together", func(t *testing.T) {
		newUring(t)
		e := rig(t)
		test(t, e)
	})
	t.Run("each", func(t *testing.T) {
		e := rig(t)
		e.noUring = true
		test(t, e)
	})
}

// sentTogether checks that pieces were sent together where that is possible.
func (e *engine) sentTogether(t *testing.T) {
	t.Helper()
	if (e.uring == nil) != e.noUring {
		t.Errorf("pieces were sent together: %v; one by one: %v", e.uring != nil, e.noUring)
	}
}

// uringFD is the descriptor of this process's only uring.
func uringFD(t *testing.T) (fd int) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	fd = -1
	for _, entry := range open {
		if link, _ := os.Readlink("/proc/self/fd/" + entry.Name()); link == "anon_inode:[io_uring]" {
			if fd >= 0 {
				t.Fatal("there are several urings")
			}
			fd, _ = strconv.Atoi(entry.Name())
		}
	}
	return fd
}

// A uring that does not work loses no piece: pieces are then sent one by one.
func TestUringFails(t *testing.T) {
	r := newUring(t)
	e := rig(t)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	if err := unix.Dup3(null, uringFD(t), unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	e.uring = r
	var s [minBatch]session
	var from [minBatch][2]int
	for i := range s {
		from[i] = unixPair(t)
		s[i].client.fd, s[i].target.fd, s[i].state = -1, from[i][0], relaying
		e.pieces = append(e.pieces, piece{s: &s[i], from: &s[i].client, to: &s[i].target, bytes: []byte{byte(i)}})
	}
	e.deliver()
	for i := range from {
		got := make([]byte, 9)
		if n, err := unix.Read(from[i][1], got); n != 1 || got[0] != byte(i) {
			t.Errorf("piece %d: %d bytes, %v", i, n, err)
		}
	}
	if !e.noUring || e.uring != nil || len(e.pieces) != 0 {
		t.Errorf("noUring is %v, %d pieces are left", e.noUring, len(e.pieces))
	}
}

// A receiver that takes nothing, among others that do, gets its pieces later, all of them
// and in order.
func TestSlowReaderInABatch(t *testing.T) {
	eachWay(t, func(t *testing.T, e *engine) {
		var ours, theirs [minBatch][2]int
		var s [minBatch]*session
		for i := range s {
			ours[i], theirs[i] = unixPair(t), unixPair(t)
			if i == 0 {
				unix.SetsockoptInt(theirs[i][0], unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10)
			}
			s[i] = e.carry(t, ours[i][0], theirs[i][0])
		}
		e.quiet()
		var sent, got [minBatch][]byte
		buffer := make([]byte, 700)
		for k := range 40 {
			for i := range s {
				p := noise(uint64(k*minBatch+i), 1000)
				if n, _ := unix.Write(ours[i][1], p); n > 0 {
					sent[i] = append(sent[i], p[:n]...)
				}
			}
			e.quiet()
			for i := 1; i < len(s); i++ {
				e.until(t, "the others' pieces have come", func() bool {
					n, _ := unix.Read(theirs[i][1], buffer)
					got[i] = append(got[i], buffer[:max(0, n)]...)
					return len(got[i]) == len(sent[i])
				})
			}
		}
		if !s[0].client.stuck() {
			t.Error("nothing is kept")
		}
		e.until(t, "everything has come", func() bool {
			n, _ := unix.Read(theirs[0][1], buffer)
			got[0] = append(got[0], buffer[:max(0, n)]...)
			return len(got[0]) >= len(sent[0])
		})
		e.sentTogether(t)
		for i := range s {
			if !bytes.Equal(got[i], sent[i]) {
				t.Errorf("session %d: %d bytes arrived as others", i, len(got[i]))
			}
		}
	})
}
