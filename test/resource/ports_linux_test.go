// TestResource: no ephemeral ports left.

package resource

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// In a network namespace with ten ephemeral ports, the eleventh session has
// none for its target. The target is not marked failed, and the clients wait.
func noPorts(t *testing.T) {
	const most = 10
	first, port := 40000, 50000
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", fmt.Appendf(nil, "%d %d", first, first+most-1), 0o644)
		if err != nil {
			t.Skipf("ip_local_port_range of its own: %v", err)
		}
		b := harness.Serve(t, "127.0.0.1:30000", harness.Echo)
		p := harness.StartDaemon(t, mode, append(harness.TightArgs(mode), b.Addr())...)
		before := port
		defer func() { first += most }() // the old ones are not available for a minute
		client := func() *net.TCPConn {
			port++
			c, err := harness.DialPort(port, p.Addr())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		var held []*net.TCPConn
		for range most {
			c := client()
			harness.MustPing(t, c)
			held = append(held, c)
		}
		const more = 5
		var waiting []*net.TCPConn
		for range more {
			c := client()
			if _, err := c.Write([]byte{'.'}); err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, c)
		}
		log := p.SaysOnce(fmt.Sprintf(`\(.*net\.ipv4\.ip_local_port_range %d %d.*\)`, first, first+most-1))
		for _, c := range held {
			harness.FlowOn(t, c, 10_000)
		}
		ended := time.Now()
		for _, c := range held {
			if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
		}
		for i, c := range waiting {
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Errorf("client %d, which has waited for a port: %v", i, err)
			} else if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
		}
		addEnding(p, log, time.Since(ended))
		p.Lines(port - before)
	}, harness.InShort("fork", "pool")...)
}
