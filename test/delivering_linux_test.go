// A test of sessions whose last bytes are still being delivered.

package test

import (
	"net"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A session whose last bytes are being delivered is shown as such, and if an
// admin ends it, it does not wait for them.
func TestDeliveringIsShownAndEnded(t *testing.T) {
	t.Parallel()
	sessions := map[*harness.Plug]int{}
	eachDirection(t, harness.WithControl("-d", "--log-format", "json"), func(t *testing.T, p *harness.Plug, sender, receiver *net.TCPConn) {
		cram(sender)
		harness.Reset(sender)
		filter := harness.Fields{"filter": harness.Fields{"state": "delivering"}}
		harness.Await(t, "the session to deliver", harness.TalkBound, func() bool { return len(p.Asks("sessions", filter).Sessions) == 1 })
		began := time.Now()
		if ended := p.Asks("kill", filter).Sessions; len(ended) != 1 {
			t.Errorf("ended %+v", ended)
		}
		if _, err := untilReset(receiver, 0); err != nil {
			t.Error(err)
		}
		sessions[p]++
		l := harness.Last(p.Ends(sessions[p]), 1)[0]
		if took := time.Since(began); took > 5*time.Second || l.Outcome != "ended by admin" || l.State != "relaying" {
			t.Errorf("after %v: %+v", took, l)
		}
	})
}
