// Socket addresses survive conversion to the kernel's form and back.

package kernel

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
)

func TestSockaddrRoundTrip(t *testing.T) {
	for _, c := range []struct {
		text   string
		zone   uint32
		size   uintptr
		family uint16
	}{
		{"192.0.2.1:80", 0, unix.SizeofSockaddrInet4, unix.AF_INET},
		{"0.0.0.0:0", 0, unix.SizeofSockaddrInet4, unix.AF_INET},
		{"255.255.255.255:65535", 0, unix.SizeofSockaddrInet4, unix.AF_INET},
		{"[::ffff:192.0.2.1]:443", 0, unix.SizeofSockaddrInet4, unix.AF_INET},
		{"[2001:db8::1]:119", 0, unix.SizeofSockaddrInet6, unix.AF_INET6},
		{"[::]:256", 0, unix.SizeofSockaddrInet6, unix.AF_INET6},
		{"[fe80::1]:7", 3, unix.SizeofSockaddrInet6, unix.AF_INET6},
	} {
		in := convert.From(netip.MustParseAddrPort(c.text))
		in.Zone = c.zone
		s := sockaddr{rest: [24]byte{0: 9, 3: 9, 4: 9, 20: 9, 23: 9}} // used before
		if size := s.set(&in); size != c.size || s.family != c.family {
			t.Errorf("%s: %d bytes of family %d", c.text, size, s.family)
		}
		if out := s.addr(); out != in {
			t.Errorf("%s: came back as %s, zone %d", c.text, out.String(), out.Zone)
		}
		if f := family(&in); f != uintptr(c.family) {
			t.Errorf("%s: family %d", c.text, f)
		}
	}
}

// How a dual-stack listener reports an IPv4 client.
func TestMappedClientIsIPv4(t *testing.T) {
	s := sockaddr{family: unix.AF_INET6, port: [2]byte{0x12, 0x34}}
	copy(s.rest[4:], netip.MustParseAddr("::ffff:10.1.2.3").AsSlice())
	if a := s.addr(); a.Kind != 4 || a.String() != "10.1.2.3:4660" {
		t.Errorf("kind %d, %s", a.Kind, a.String())
	}
}

// The kernel reads the same address from it as from that of golang.org/x/sys.
func TestKernelAgrees(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("no loopback interface")
	}
	for _, text := range []string{"127.0.0.5:0", "[::1]:0"} {
		in := convert.From(netip.MustParseAddrPort(text))
		if in.Kind == 6 {
			in.Zone = uint32(lo.Index)
		}
		fd, err := unix.Socket(int(family(&in)), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == unix.EAFNOSUPPORT {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if errno := BindAddress(fd, &in); errno == unix.EADDRNOTAVAIL {
			continue // no IPv6 here
		} else if errno != 0 {
			t.Errorf("bind %s: %v", text, errno)
			continue
		}
		bound, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		var got netip.Addr
		switch b := bound.(type) {
		case *unix.SockaddrInet4:
			got = netip.AddrFrom4(b.Addr)
		case *unix.SockaddrInet6:
			got = netip.AddrFrom16(b.Addr)
		}
		in.Zone = 0 // the socket reports it only for link-local addresses
		if got.String() != in.Host() {
			t.Errorf("bound to %s, want %s", got, in.Host())
		}
	}
}
