// A test of Happens.

package await

import (
	"testing"
	"time"
)

func TestHappens(t *testing.T) {
	looks := 0
	if !Happens(Patience, func() bool { looks++; return looks == 3 }) || looks != 3 {
		t.Errorf("%d looks", looks)
	}
	looks = 0
	if Happens(5*time.Millisecond, func() bool { looks++; return false }) || looks < 2 {
		t.Errorf("it never was so, and %d looks said otherwise", looks)
	}
}
