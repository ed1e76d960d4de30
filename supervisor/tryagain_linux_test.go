// Tests of what is retried each second: it is done once that is possible, and
// logged once.

package supervisor

import (
	"errors"
	"testing"
)

// A failure at a commit is logged once, and the operation is retried until it
// succeeds.
func TestAttemptsAreRepeated(t *testing.T) {
	s, _ := serving(t, nil)
	tries := 0
	s.attempt("watch something", func() error {
		if tries++; tries < 3 {
			return errors.New("no room")
		}
		return nil
	}, "pid", 4711)
	for range 5 {
		s.checkFiles()
	}
	if tries != 3 {
		t.Errorf("%d tries, want 3", tries)
	}
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("cannot watch something; retrying pid=4711: no room") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
}
