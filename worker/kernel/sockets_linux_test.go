// Raw calls on sockets return what the kernel returns.

package kernel

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address"
)

func TestSocketErrorIsTakenOnce(t *testing.T) {
	pair := unixPair(t)
	if errno := SocketError(pair[0]); errno != 0 {
		t.Errorf("a healthy socket: %v", errno)
	}
	if errno := SocketError(-1); errno != unix.EBADF {
		t.Errorf("no socket: %v", errno)
	}
}

// unixPair is a pair of stream sockets, closed with the test.
func unixPair(t testing.TB) [2]int {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(pair[0])
		unix.Close(pair[1])
	})
	return pair
}

func TestSyslogDestination(t *testing.T) {
	path := t.TempDir() + "/log"
	in, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(out)
	d := NewDestination(path, &address.Addr{})
	if errno := d.Send(out, []byte("one record")); errno != 0 {
		t.Fatal(errno)
	}
	b := make([]byte, 100)
	if n, err := in.Read(b); err != nil || string(b[:n]) != "one record" {
		t.Errorf("%q, %v", b[:n], err)
	}
	nowhere := NewDestination(path+".none", &address.Addr{})
	if errno := nowhere.Send(out, []byte("x")); errno != unix.ENOENT {
		t.Errorf("to a path without a socket: %v", errno)
	}
	long := make([]byte, 300) // cut to the longest possible path, never past the end of the address
	for i := range long {
		long[i] = 'x'
	}
	if d := NewDestination(string(long), &address.Addr{}); d.size > unix.SizeofSockaddrUnix {
		t.Errorf("an address of %d bytes", d.size)
	}
}
