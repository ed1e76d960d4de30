// Package wire is what the load generator and the backend agree on.
//
// The first byte of a connection chooses. With Echo, it and all that follows
// come back. With Source, it is followed by one byte, the stream's number, and
// the backend sends that stream of Pattern bytes until it gets one byte more:
// then it goes on to the end of the current Block and closes. So a transfer
// that was cut is not taken for a whole one. Both is Source with a stream of the
// client's own at the same time, the one of the Reverse number, in whole Blocks
// too: before each stands a mark, More, and behind the last one Last, which is
// what asks the backend to end.
package wire

import "encoding/binary"

// First bytes of a connection.
const (
	Echo   = 'e'
	Source = 's'
	Both   = 'b'
)

// Marks in a client's own stream.
const (
	Last = 0
	More = 1
)

// Reverse is the number of the stream that goes the other way, so that one
// can't be taken for the other.
func Reverse(stream byte) byte { return ^stream }

const (
	// Block is what a stream's length is a multiple of, in bytes.
	Block = 4 << 20
	// Chunk is the most that Pattern returns, in bytes.
	Chunk = 256 << 10
	// period is a prime, so that no buffer's size hides lost or repeated bytes.
	period = 65521
)

var pattern = func() []byte {
	b := make([]byte, period+Chunk)
	for i := range b {
		if i >= period {
			b[i] = b[i-period]
			continue
		}
		b[i] = byte(mix(uint64(i)))
	}
	return b
}()

// Pattern returns up to Chunk bytes of a stream from position pos on.
func Pattern(stream byte, pos int64) []byte {
	at := (pos + int64(stream)*257) % period
	return pattern[at : at+Chunk]
}

// Fill makes b a message for Echo that no other n would make.
func Fill(b []byte, n uint64) {
	var word [8]byte
	for i := 0; i < len(b); i += 8 {
		n = mix(n)
		binary.LittleEndian.PutUint64(word[:], n)
		copy(b[i:], word[:])
	}
	b[0] = Echo
}

// mix is one step of the splitmix64 generator.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
