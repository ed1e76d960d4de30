//go:build !linux || portable

// The sockets of the portable engine, and how it relays in one direction.

package worker

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// link is a TCP connection: one end as the engine's socket, the other as a client's.
func link(t *testing.T) (ours *socket, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	f, err := accepted.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	accepted.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if ours, err = openSocket(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ours.close)
	return ours, c.(*net.TCPConn)
}

// pumping is one direction between two links.
type pumping struct {
	from, to *net.TCPConn
	sockets  [2]*socket
	count    atomic.Uint64
	row      board.Row
	ends     chan ending
}

func startPump(t *testing.T) *pumping {
	p := &pumping{ends: make(chan ending, 4)}
	p.sockets[0], p.from = link(t)
	p.sockets[1], p.to = link(t)
	c := new(clock)
	c.start(kernel.Monotonic)
	go pump(p.sockets[0], p.sockets[1], &meter{bytes: &p.count, row: &p.row, clock: c, first: true}, p.ends)
	return p
}

// end is what the pump reports next.
func (p *pumping) end(t *testing.T) syscall.Errno {
	t.Helper()
	select {
	case end := <-p.ends:
		return end.errno
	case <-time.After(patience):
		t.Fatal("the pump says nothing")
	}
	return 0
}

// A reset whose error was returned to somebody else, who used the same socket, is no end:
// what was cut must not look complete.
func TestPumpKnowsAResetFromAnEnd(t *testing.T) {
	ours, theirs := link(t)
	other, _ := link(t)
	theirs.SetLinger(0)
	theirs.Close()
	until(t, "the reset has come, and its error is taken", func() bool {
		var errno syscall.Errno
		ours.raw.Control(func(fd uintptr) { errno = pendingError(fd) })
		return errno != 0
	})
	var count atomic.Uint64
	c := new(clock)
	c.start(kernel.Monotonic)
	ends := make(chan ending, 4)
	go pump(ours, other, &meter{bytes: &count, row: new(board.Row), clock: c, first: true}, ends)
	select {
	case end := <-ends:
		if end.errno != syscall.ECONNRESET {
			t.Errorf("the pump says %v", end.errno)
		}
	case <-time.After(patience):
		t.Fatal("the pump says nothing")
	}
}

func TestClosedIsLost(t *testing.T) {
	ours, _ := link(t)
	if ours.lost() {
		t.Error("a connection with its peer is lost")
	}
	ours.close()
	if !ours.lost() {
		t.Error("a closed socket has an end to pass")
	}
}

func TestPumpPassesBytesAndEnd(t *testing.T) {
	p := startPump(t)
	sent := make([]byte, 5<<20+17)
	rand.NewChaCha8([32]byte{3}).Read(sent)
	go func() {
		p.from.Write(sent)
		p.from.CloseWrite()
	}()
	got, err := io.ReadAll(p.to)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(sent), err)
	}
	if errno := p.end(t); errno != 0 || p.count.Load() != uint64(len(sent)) {
		t.Errorf("ended with %v, counted %d of %d", errno, p.count.Load(), len(sent))
	}
	if _, err := p.to.Write([]byte("back")); err != nil {
		t.Errorf("the other direction has ended, too: %v", err)
	}
}

// If a sender that has ended its direction then resets, this is noticed although nobody
// reads from it any more.
func TestPumpTellsResetAfterEnd(t *testing.T) {
	p := startPump(t)
	p.from.CloseWrite()
	if errno := p.end(t); errno != 0 {
		t.Fatalf("end: %v", errno)
	}
	p.from.SetLinger(0)
	p.from.Close()
	if errno := p.end(t); errno == 0 {
		t.Error("the reset was not told")
	}
}

func TestPumpTellsReset(t *testing.T) {
	for _, side := range []string{"sender", "receiver"} {
		p := startPump(t)
		peer := p.from
		if side == "receiver" {
			peer = p.to
		}
		peer.SetLinger(0)
		peer.Close()
		go func() { // a receiver's reset is noticed when there is something to pass on
			for {
				if _, err := p.from.Write([]byte{1}); err != nil {
					return
				}
			}
		}()
		if errno := p.end(t); errno == 0 {
			t.Errorf("reset of the %s: a clean end", side)
		}
	}
}

// A receiver that does not read stops the sender: what is in transit is in the sockets,
// and at most one buffer of it is in the worker.
func TestPumpHoldsSenderBack(t *testing.T) {
	p := startPump(t)
	p.from.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	sent, chunk := 0, make([]byte, 1<<20)
	for sent < 1<<30 {
		n, err := p.from.Write(chunk)
		sent += n
		if err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Fatalf("%d bytes went to nobody", sent)
	}
	p.from.CloseWrite()
	got, err := io.Copy(io.Discard, p.to)
	if err != nil || got != int64(sent) {
		t.Errorf("%d of %d bytes, %v", got, sent, err)
	}
}

// Closing ends a pump, whatever it is waiting for.
func TestCloseEndsPump(t *testing.T) {
	p := startPump(t)
	p.sockets[0].close()
	if errno := p.end(t); errno == 0 {
		t.Error("a closed socket is a clean end")
	}
}

func TestConnected(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	try := func(patience time.Duration) syscall.Errno {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		s, err := openSocket(fd)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		s.file.SetWriteDeadline(time.Now().Add(patience))
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: at.Port, Addr: [4]byte{127, 0, 0, 1}})
		if err != nil && err != unix.EINPROGRESS {
			return errnoOf(err)
		}
		return s.connected()
	}
	if errno := try(patience); errno != 0 {
		t.Errorf("to a listener: %v", errno)
	}
	if errno := try(-time.Second); errno != unix.ETIMEDOUT && errno != 0 {
		t.Errorf("too late: %v", errno)
	}
	l.Close()
	if errno := try(patience); errno != unix.ECONNREFUSED {
		t.Errorf("to nobody: %v", errno)
	}
}
