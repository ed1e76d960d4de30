// The parts of a tag survive.

package kernel

import "testing"

func TestTags(t *testing.T) {
	for _, kind := range []TagKind{0, 1, 5, 15} {
		for _, index := range []int{0, 1, 32767, 1<<28 - 1} {
			for _, epoch := range []uint32{0, 1, 1<<32 - 1} {
				g := MakeTag(kind, index, epoch)
				if g.Kind() != kind || g.Index() != index || g.Epoch() != epoch {
					t.Errorf("kind %d, index %d, epoch %d: %d, %d, %d", kind, index, epoch, g.Kind(), g.Index(), g.Epoch())
				}
			}
		}
	}
}
