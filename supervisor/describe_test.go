// A test of counts with their nouns: one session, two sessions.

package supervisor

import "testing"

func TestHowMany(t *testing.T) {
	for n, want := range map[int]string{0: "0 sessions", 1: "1 session", 2: "2 sessions", 1000: "1000 sessions"} {
		if got := howMany(n, "session"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
