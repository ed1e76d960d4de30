// A test that an address's text costs no allocation.

package address

import "testing"

func TestAppendAllocatesNothing(t *testing.T) {
	buffer := make([]byte, 0, 64)
	for _, a := range []Addr{{}, {Kind: 4, IP: [16]byte{12: 255, 255, 255, 255}, Port: 65535}, {Kind: 6, IP: [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}, Port: 1}} {
		if n := testing.AllocsPerRun(10, func() { a.AppendTo(buffer) }); n != 0 {
			t.Errorf("%s: %v allocations", &a, n)
		}
	}
}
