// The admission rules (-a): whether a client's address is in one of the
// admitted
// networks.

package board

import "encoding/binary"

// Admit reports whether the rules let the client in; without rules every client is admitted.
func (b *Board) Admit(client *Addr) bool {
	if b.Assignment.RuleCount == 0 {
		return true
	}
	hi, lo := halves(&client.IP)
	for i := range min(int(b.Assignment.RuleCount), MaxRules) {
		r := b.Rule(i)
		rhi, rlo := halves(&r.IP)
		mhi, mlo := mask(r.Bits)
		if r.Kind == uint32(client.Kind) && (hi^rhi)&mhi == 0 && (lo^rlo)&mlo == 0 {
			return true
		}
	}
	return false
}

func halves(ip *[16]byte) (hi, lo uint64) {
	return binary.BigEndian.Uint64(ip[:8]), binary.BigEndian.Uint64(ip[8:])
}

// mask returns a mask of the first n of 128 bits.
func mask(n uint32) (hi, lo uint64) {
	if n > 64 {
		return ^uint64(0), ^uint64(0) << (128 - min(n, 128))
	}
	if n == 0 {
		return 0, 0
	}
	return ^uint64(0) << (64 - n), 0
}
