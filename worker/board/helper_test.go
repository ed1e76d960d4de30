package board

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// addr is an address of a test.
func addr(text string) Addr { return MakeAddr(netip.MustParseAddrPort(text)) }

// client is the n-th of very many clients.
func client(n int) Addr {
	return MakeAddr(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 1024))
}

// made is a board and its descriptors, closed with the test.
func made(t testing.TB, s Shape) (b *Board, assignment, state int) {
	t.Helper()
	b, assignment, state, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		unix.Close(assignment)
		unix.Close(state)
	})
	return b, assignment, state
}

// with is a board with so many targets.
func with(t testing.TB, targets int, options uint32) *Board {
	t.Helper()
	b, _, _ := made(t, Shape{Generation: 1, Workers: 1, Capacity: 1})
	b.Options = options
	b.StickyFor = 3600
	b.AffinityKey = [2]uint64{0x0123456789abcdef, 0xfedcba9876543210}
	b.TargetCount.Store(uint32(targets))
	return b
}
