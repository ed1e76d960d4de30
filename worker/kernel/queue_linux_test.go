// A send queue's length does not count the end of the stream.

package kernel

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/await"
)

// A queue's last byte counts as the end only if an end was sent: where the other direction
// had ended before, none is, and that byte is one that has not arrived.
func TestQueueWithoutEnd(t *testing.T) {
	for _, c := range []struct {
		ended       bool
		queue, want int
	}{{false, 0, 0}, {false, 1, 1}, {false, 7, 7}, {true, 0, 0}, {true, 1, 0}, {true, 7, 6}} {
		if n := withoutEnd(c.queue, c.ended); n != c.want {
			t.Errorf("ended %v, queue %d: %d bytes, expected %d", c.ended, c.queue, n, c.want)
		}
	}
}

// What a peer does not read stays unacknowledged or unsent, and what it reads does not.
func TestQueues(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	both := func() (unacknowledged, unsent int) {
		t.Helper()
		unacknowledged, known := OutQueue(fd, false)
		unsent, also := UnsentQueue(fd, false)
		if !known || !also {
			t.Fatal("a queue's length is not known")
		}
		return unacknowledged, unsent
	}
	if a, s := both(); a != 0 || s != 0 {
		t.Errorf("not connected: %d unacknowledged, %d unsent", a, s)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: listener.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	written, chunk := 0, make([]byte, 1<<20)
	for errno := error(nil); errno == nil; {
		var n int
		n, errno = unix.SendmsgN(fd, chunk, nil, nil, unix.MSG_DONTWAIT)
		written += max(0, n)
	}
	if a, s := both(); s == 0 || a < s || a > written {
		t.Errorf("%d bytes written: %d unacknowledged, %d unsent", written, a, s)
	}
	for read := 0; read < written; {
		n, err := peer.Read(chunk)
		if err != nil {
			t.Fatal(err)
		}
		read += n
	}
	await.Until(t, "the acknowledgment", func() bool { a, s := both(); return a == 0 && s == 0 })
	unix.Shutdown(fd, unix.SHUT_WR)
	if n, known := OutQueue(fd, true); n != 0 || !known {
		t.Errorf("with only the end sent: %d, known %v", n, known)
	}
	if n, known := OutQueue(-1, false); n != 0 || known {
		t.Errorf("no socket: %d, known %v", n, known)
	}
}
