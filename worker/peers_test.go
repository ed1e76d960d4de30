//go:build linux

// Clients and targets of the tests.

package worker

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dial connects a client to the plug.
func (b *boss) dial() *net.TCPConn {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// echoes checks that what the client sends comes back.
func (b *boss) echoes(c net.Conn, text string) {
	b.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		b.t.Fatal(err)
	}
	p := make([]byte, len(text))
	if _, err := io.ReadFull(c, p); err != nil || string(p) != text {
		b.t.Fatalf("%q came back as %q: %v", text, p, err)
	}
}

// unserved fails if the client is answered within a short time.
func (b *boss) unserved(c net.Conn) {
	b.t.Helper()
	io.WriteString(c, "x")
	c.SetReadDeadline(time.Now().Add(glance))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		b.t.Errorf("a client that nobody should serve: %d, %v", n, err)
	}
	c.SetDeadline(time.Now().Add(patience))
}

// lines waits until there are n session lines, and returns all of them.
func (b *boss) lines(n int) []string {
	b.t.Helper()
	var lines []string
	b.wait("the session lines are there", func() bool {
		text, _ := os.ReadFile(b.session)
		lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		return len(text) > 0 && len(lines) >= n
	})
	return lines
}

// syslogs are the next n syslog records, without their frames.
func (b *boss) syslogs(n int) (out []string) {
	b.t.Helper()
	p := make([]byte, 4096)
	b.syslog.SetReadDeadline(time.Now().Add(patience))
	for range n {
		m, err := b.syslog.Read(p)
		if err != nil {
			b.t.Fatalf("%v, after %q", err, out)
		}
		_, text, _ := strings.Cut(string(p[:m]), "]: ")
		out = append(out, text)
	}
	return out
}

// echo is a target that sends back what it receives.
func echo(t *testing.T) string {
	return target(t, func(c *net.TCPConn) { io.Copy(c, c) })
}

// target serves each connection, and then closes it.
func target(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

// bind returns a nonblocking loopback socket that does not listen yet, and its address.
// The caller closes it.
func bind(t testing.TB) (fd int, at *unix.SockaddrInet4) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	var own unix.Sockaddr
	if err == nil {
		own, err = unix.Getsockname(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd, own.(*unix.SockaddrInet4)
}

// inWords is an address in the form that dial expects.
func inWords(at *unix.SockaddrInet4) string {
	return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port)).String()
}

// refusing is an address that refuses connections: its port is bound, so that nobody else
// gets it, and no socket listens there.
func refusing(t *testing.T) string {
	t.Helper()
	fd, at := bind(t)
	t.Cleanup(func() { unix.Close(fd) })
	return inWords(at)
}

// hangUp closes the client's side and waits for the other side's end.
func hangUp(t *testing.T, c *net.TCPConn) {
	t.Helper()
	c.CloseWrite()
	if _, err := bufio.NewReader(c).ReadByte(); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
	c.Close()
}

// fields are those of a session line after its time: PID, LISTEN … USEC.
func fields(line string) []string {
	_, rest, _ := strings.Cut(line, "] ")
	return slices.Clip(strings.Fields(rest))
}
