// A test of sessions whose last bytes are still being delivered.

package test

import (
	"net"
	"testing"
	"time"
)

// A session whose last bytes are being delivered is shown as such, and if an
// admin ends it, it does not wait for them.
func TestDeliveringIsShownAndEnded(t *testing.T) {
	t.Parallel()
	sessions := map[*plug]int{}
	eachDirection(t, withControl("-d", "--log-format", "json"), func(t *testing.T, p *plug, sender, receiver *net.TCPConn) {
		cram(sender)
		reset(sender)
		filter := fields{"filter": fields{"state": "delivering"}}
		await(t, "the session to deliver", talkBound, func() bool { return len(p.asks("sessions", filter).Sessions) == 1 })
		began := time.Now()
		if ended := p.asks("kill", filter).Sessions; len(ended) != 1 {
			t.Errorf("ended %+v", ended)
		}
		if _, err := untilReset(receiver, 0); err != nil {
			t.Error(err)
		}
		sessions[p]++
		l := last(p.ends(sessions[p]), 1)[0]
		if took := time.Since(began); took > 5*time.Second || l.Outcome != "ended by admin" || l.State != "relaying" {
			t.Errorf("after %v: %+v", took, l)
		}
	})
}
