// Helpers of this package's tests: boards in files, clients and addresses.

package board

import (
	"net/netip"
	"os"
	"testing"

	"daemon/plug/worker/address/convert"
)

// addr parses an address.
func addr(text string) Addr { return convert.From(netip.MustParseAddrPort(text)) }

// client is the n-th of a very large number of clients.
func client(n int) Addr {
	return convert.From(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 1024))
}

// made returns a board and its descriptors, closed when the test ends. Its
// memories are files: a board only needs something that can be mapped.
func made(t testing.TB, s Shape) (b *Board, assignment, state int) {
	t.Helper()
	size, stateSize := s.Sizes()
	assignment, state = file(t, size), file(t, stateSize)
	b, err := Make(s, assignment, state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b, assignment, state
}

// made1 returns a board for one worker.
func made1(t testing.TB) *Board {
	t.Helper()
	b, _, _ := made(t, Shape{Generation: 1, Workers: 1, Capacity: 1})
	return b
}

func file(t testing.TB, size int64) int {
	t.Helper()
	f, err := os.Create(t.TempDir() + "/memory")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return int(f.Fd())
}

// with returns a board with this number of targets.
func with(t testing.TB, targets int, options uint32) *Board {
	t.Helper()
	b := made1(t)
	b.Assignment.Options = options
	b.Assignment.StickyFor = 3600
	b.Assignment.AffinityKey = [2]uint64{0x0123456789abcdef, 0xfedcba9876543210}
	b.Assignment.TargetCount = uint32(targets)
	return b
}
