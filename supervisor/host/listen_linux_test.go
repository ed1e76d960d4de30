// Tests of listening sockets: every form of a source, ports in use and their
// holders, missing addresses, and the texts of errors.

package host

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

func mustAddr(text string) netip.Addr { return netip.MustParseAddr(text) }

// addrOf returns the address that a socket listens on.
func addrOf(t testing.TB, fd int) netip.AddrPort {
	t.Helper()
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(at.Addr), uint16(at.Port))
	}
	t.Fatalf("bound to %T", at)
	return netip.AddrPort{}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// Every form of the source: which clients can connect, and which cannot.
func TestListen(t *testing.T) {
	v6 := hasIPv6()
	for _, c := range []struct {
		name   string
		source config.Source
		addr   string
		yes    []string
		no     []string
		v6     bool
	}{
		{"port", config.Source{}, "0.0.0.0", []string{"127.0.0.1", "127.0.0.2"}, []string{"::1"}, false},
		{":port", config.Source{Dual: true}, "::", []string{"127.0.0.1", "::1"}, nil, true},
		{"address", config.Source{Addr: mustAddr("127.0.0.2"), Named: true}, "127.0.0.2", []string{"127.0.0.2"}, []string{"127.0.0.1", "::1"}, false},
		{"IPv6 address", config.Source{Addr: mustAddr("::1"), Named: true}, "::1", []string{"::1"}, []string{"127.0.0.1"}, true},
		{"all of IPv6", config.Source{Addr: mustAddr("::"), Named: true}, "::", []string{"::1"}, []string{"127.0.0.1"}, true},
	} {
		if c.v6 && !v6 {
			t.Logf("%s: no IPv6 here", c.name)
			continue
		}
		fd, err := Listen(c.source, 10, config.Sockets{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		at := addrOf(t, fd)
		if at.Addr() != mustAddr(c.addr) || at.Port() == 0 {
			t.Errorf("%s: bound to %s", c.name, at)
		}
		for _, host := range c.yes {
			if err := dialOnce(host, at.Port()); err != nil && (v6 || host != "::1") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		for _, host := range c.no {
			if err := dialOnce(host, at.Port()); err == nil {
				t.Errorf("%s: %s can connect", c.name, host)
			}
		}
		unix.Close(fd)
	}
}

func dialOnce(host string, port uint16) error {
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(mustAddr(host), port).String(), time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

func TestListenerOptions(t *testing.T) {
	for _, keepalive := range []bool{false, true} {
		fd, err := Listen(config.Source{Addr: mustAddr("127.0.0.1")}, 10, config.Sockets{Keepalive: keepalive})
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		want := 0
		if keepalive {
			want = 1
		}
		for name, o := range map[string][3]int{
			"SO_REUSEADDR":  {unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
			"SO_KEEPALIVE":  {unix.SOL_SOCKET, unix.SO_KEEPALIVE, want},
			"TCP_NODELAY":   {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			"SO_OOBINLINE":  {unix.SOL_SOCKET, unix.SO_OOBINLINE, 1},
			"SO_ACCEPTCONN": {unix.SOL_SOCKET, unix.SO_ACCEPTCONN, 1},
		} {
			if v, err := unix.GetsockoptInt(fd, o[0], o[1]); err != nil || v != o[2] {
				t.Errorf("%s is %d (%v), want %d", name, v, err, o[2])
			}
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK == 0 {
			t.Error("the listener blocks")
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Error("the listener leaks into children")
		}
	}
}

// A port in use is retried for 2 s; then the error names its holder.
func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	source := config.Source{Addr: mustAddr("127.0.0.1"), Port: port, Named: true}
	if !t.Run("soon free", func(t *testing.T) {
		other, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3*takenStep, func() { other.Close() })
		source := source
		source.Port = other.Addr().(*net.TCPAddr).AddrPort().Port()
		fd, err := Listen(source, 10, config.Sockets{})
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
	}) {
		return
	}
	begin := time.Now()
	fd, err := Listen(source, 10, config.Sockets{})
	if err == nil {
		unix.Close(fd)
		t.Fatal("bound to a taken port")
	}
	if took := time.Since(begin); took < takenFor {
		t.Errorf("gave up after %v", took)
	}
	if want := fmt.Sprintf("bind 127.0.0.1:%d: Address already in use, held by PID %d", port, os.Getpid()); err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

// Other errors are returned at once.
func TestBindErrors(t *testing.T) {
	if !hasIPv6() {
		t.Skip("no IPv6 here")
	}
	begin := time.Now()
	_, err := Listen(config.Source{Addr: mustAddr("fe80::1"), Port: 1, Named: true}, 10, config.Sockets{})
	if err == nil || err.Error() != "bind [fe80::1]:1: Invalid argument" { // it has no zone
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > takenFor {
		t.Errorf("tried for %v", took)
	}
}

// An address that this host does not have is retried like a port in use. With
// --freebind it need not exist.
func TestAbsentAddress(t *testing.T) {
	source := config.Source{Addr: mustAddr("203.0.113.1"), Port: 1, Named: true}
	begin := time.Now()
	_, err := Listen(source, 10, config.Sockets{})
	if want := "bind 203.0.113.1:1: Cannot assign requested address (not an address of this host; use --freebind to listen anyway)"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if took := time.Since(begin); took < takenFor {
		t.Errorf("gave up after %v", took)
	}
	for _, addr := range []string{"203.0.113.1", "2001:db8::1"} {
		if addr != "203.0.113.1" && !hasIPv6() {
			continue
		}
		source := config.Source{Addr: mustAddr(addr), Named: true, Freebind: true}
		fd, err := Listen(source, 10, config.Sockets{})
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if at := addrOf(t, fd); at.Addr() != source.Addr {
			t.Errorf("bound to %s, want %s", at, addr)
		}
		unix.Close(fd)
	}
}

func TestHolders(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	if pids := holders(port); len(pids) != 1 || pids[0] != os.Getpid() {
		t.Errorf("holders %v, want %d", pids, os.Getpid())
	}
	c, err := net.Dial("tcp", l.Addr().String()) // a connection is not a listener
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l.Close()
	if pids := holders(port); len(pids) != 0 {
		t.Errorf("holders %v of a free port", pids)
	}
	if text := HeldBy(port); text != "" {
		t.Errorf("%q", text)
	}
}

func TestReason(t *testing.T) {
	for err, want := range map[error]string{
		unix.ENOSPC: "No space left on device",
		os.NewSyscallError("accept", unix.EMFILE):              fmt.Sprintf("Too many open files (RLIMIT_NOFILE %d)", Descriptors()),
		fmt.Errorf("outer: %w", unix.EACCES):                   "outer: Permission denied",
		fmt.Errorf("of our own"):                               "of our own",
		&os.PathError{Op: "open", Path: "/x", Err: unix.EPERM}: "open /x: Operation not permitted",
	} {
		if got := Reason(err); got != want || strings.HasSuffix(got, "\n") {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
