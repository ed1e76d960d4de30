// Package wire is the protocol between the load generator and the backend.
//
// The first byte of a connection chooses the kind. With Echo, this byte and
// all that follow come back. With Source, one byte follows, the stream's
// number, and the backend sends that stream of Pattern bytes until it gets one
// more byte: then it continues to the end of the current Block and closes. So
// a cut transfer cannot look like a complete one. Both is Source plus a stream
// of the client at the same time, with the number Reverse, also in whole
// Blocks: each Block is preceded by the mark More, and after the last one
// comes Last, which asks the backend to end.
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

// Reverse is the number of the stream in the other direction, so that the two
// can be distinguished.
func Reverse(stream byte) byte { return ^stream }

const (
	// Block is the unit of a stream's length, in bytes.
	Block = 4 << 20
	// Chunk is the most that Pattern returns, in bytes.
	Chunk = 256 << 10
	// period is a prime, so that lost or repeated bytes show with every size
	// of buffer.
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

// Fill fills b with a message for Echo that is different for each n.
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
