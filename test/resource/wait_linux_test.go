// Harness: clients that wait, and checks that everything works again.

package resource

import (
	"fmt"
	"net"
	"time"

	"daemon/plug/test/harness"
)

// whole waits until a new client is served at once, as without any shortage,
// and until the pidfile is correct; then it ends all sessions, and returns how
// long all of that took. sessions is the expected number of lines.
func whole(p *harness.Plug, since time.Time, held []*net.TCPConn, sessions int) time.Duration {
	p.T.Helper()
	fresh := harness.Dial(p.T, p.Addr())
	harness.MustPing(p.T, fresh)
	held = append(held, fresh)
	if p.Mode == "pool" {
		p.Carriers(harness.PoolWorkers)
	}
	p.Lists(held)
	took := time.Since(since)
	for i, c := range held {
		if err := harness.Finish(c); err != nil {
			p.T.Errorf("session %d of %d ends with %v", i+1, len(held), err)
		}
	}
	p.Lines(sessions + 1)
	if p.Mode != "pool" {
		p.Carriers(0)
	}
	want := fmt.Sprintf("plug: master %d (0 sessions)", p.Port)
	harness.Await(p.T, "the master to count no sessions", harness.NormalWait, func() bool { return harness.Title(p.Master) == want })
	return took
}
