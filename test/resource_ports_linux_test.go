package test

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// In a network namespace with ten ephemeral ports the eleventh session has none
// for its target. A target is not failed by that, and no client of others waits.
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
		defer func() { first += most }() // the old ones rest for a minute
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
		const more = 30
		for range more {
			if err := ping(client()); err == nil {
				t.Fatalf("more than %d sessions with %d ports", most, most)
			}
		}
		log := p.saysOnce(fmt.Sprintf(`\(.*net\.ipv4\.ip_local_port_range %d %d.*\)`, first, first+most-1))
		for _, c := range held {
			flow(t, c, 10_000)
		}
		if err := finish(held[0]); err != nil {
			t.Error(err)
		}
		ended := time.Now()
		var c *net.TCPConn
		await(t, "a session with the port that is free again", 5*time.Second, func() bool {
			c = client()
			return ping(c) == nil
		})
		p.ended(log, time.Since(ended))
		for _, c := range append(held[1:], c) {
			if err := finish(c); err != nil {
				t.Error(err)
			}
		}
		p.lines(port - before)
	}, less("fork", "pool")...)
}

// dialPort connects from a port outside the ephemeral ones.
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
