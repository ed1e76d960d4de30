// TestResource: no ephemeral ports left.

package test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// In a network namespace with ten ephemeral ports, the eleventh session has
// none for its target. The target is not marked failed, and the clients wait.
func noPorts(t *testing.T) {
	const most = 10
	first, port := 40000, 50000
	forEachMode(t, func(t *testing.T, mode string) {
		err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", fmt.Appendf(nil, "%d %d", first, first+most-1), 0o644)
		if err != nil {
			t.Skipf("ip_local_port_range of its own: %v", err)
		}
		b := serve(t, "127.0.0.1:30000", echo)
		p := startDaemon(t, mode, append(tightArgs(mode), b.addr())...)
		before := port
		defer func() { first += most }() // the old ones are not available for a minute
		client := func() *net.TCPConn {
			port++
			c, err := dialPort(port, p.addr())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		var held []*net.TCPConn
		for range most {
			c := client()
			mustPing(t, c)
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
		log := p.saysOnce(fmt.Sprintf(`\(.*net\.ipv4\.ip_local_port_range %d %d.*\)`, first, first+most-1))
		for _, c := range held {
			flow(t, c, 10_000)
		}
		ended := time.Now()
		for _, c := range held {
			if err := finish(c); err != nil {
				t.Error(err)
			}
		}
		for i, c := range waiting {
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Errorf("client %d, which has waited for a port: %v", i, err)
			} else if err := finish(c); err != nil {
				t.Error(err)
			}
		}
		p.ended(log, time.Since(ended))
		p.lines(port - before)
	}, less("fork", "pool")...)
}

// dialPort connects from a port outside the ephemeral range.
func dialPort(port int, to string) (*net.TCPConn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
	ctx, cancel := context.WithTimeout(context.Background(), talkBound)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(talkBound))
	return c.(*net.TCPConn), nil
}
