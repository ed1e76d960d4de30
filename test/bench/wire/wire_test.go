// Tests of the patterns and messages.

package wire

import (
	"bytes"
	"testing"
)

// A stream does not depend on the pieces in which it is requested, and differs
// at every other position nearby and with every other number.
func TestPattern(t *testing.T) {
	for _, pos := range []int64{0, 1, period - 1, period, Block - 7, Block, 5 * Block} {
		whole := Pattern(3, pos)
		if len(whole) != Chunk {
			t.Fatalf("at %d: %d bytes", pos, len(whole))
		}
		for _, step := range []int{1, 511, 65536} {
			if !bytes.Equal(whole[step:step+1000], Pattern(3, pos+int64(step))[:1000]) {
				t.Errorf("the stream at %d is not what %d further on says", pos+int64(step), step)
			}
			if bytes.Equal(whole[:1000], Pattern(3, pos+int64(step))[:1000]) {
				t.Errorf("at %d, %d bytes more or less can't be seen", pos, step)
			}
		}
	}
	for stream := 1; stream < 256; stream++ {
		if bytes.Equal(Pattern(0, 0)[:100], Pattern(byte(stream), 0)[:100]) {
			t.Errorf("streams 0 and %d are the same", stream)
		}
	}
}

func TestFill(t *testing.T) {
	seen := map[string]bool{}
	for n := range uint64(1000) {
		for _, size := range []int{9, 64, 100} {
			b := make([]byte, size)
			Fill(b, n)
			if b[0] != Echo {
				t.Fatalf("message %d does not ask for an echo", n)
			}
			if seen[string(b)] {
				t.Fatalf("message %d is another one's", n)
			}
			seen[string(b)] = true
		}
	}
}
