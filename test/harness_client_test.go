// Harness: clients.

package test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// talkBound is how long a client waits for anything before the test fails.
const talkBound = 15 * time.Second

// dialFrom connects from a source address ("" for any). All operations on the
// connection fail after talkBound.
func dialFrom(source, to string) (*net.TCPConn, error) {
	var d net.Dialer
	if source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), talkBound)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(talkBound))
	return c.(*net.TCPConn), nil
}

// dial connects, until the test ends.
func dial(t testing.TB, to string) *net.TCPConn {
	t.Helper()
	return dialAs(t, "", to)
}

func dialAs(t testing.TB, source, to string) *net.TCPConn {
	t.Helper()
	c, err := dialFrom(source, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ping sends a byte through an echo and reads it back: the session relays.
func ping(c *net.TCPConn) error {
	if _, err := c.Write([]byte{'.'}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

func mustPing(t testing.TB, c *net.TCPConn) {
	t.Helper()
	if err := ping(c); err != nil {
		t.Fatalf("no echo: %v", err)
	}
}

// finish half-closes and reads to the end, as a client does when it has
// finished.
func finish(c *net.TCPConn) error {
	defer c.Close()
	if err := c.CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	return err
}

// hold opens n sessions through an echo and returns when all of them relay.
func hold(t testing.TB, p *plug, n int) []*net.TCPConn {
	t.Helper()
	held := make([]*net.TCPConn, n)
	for i := range held {
		held[i] = dial(t, p.addr())
		held[i].SetDeadline(time.Now().Add(2 * time.Minute))
	}
	for i, c := range held {
		if err := ping(c); err != nil {
			t.Fatalf("session %d of %d: no echo: %v", i+1, n, err)
		}
	}
	return held
}

// greeting connects from source, reads the name that greet sends, and ends the
// session in order. It is "" if there was no target.
func greeting(t testing.TB, source, to string) string {
	t.Helper()
	c, err := dialFrom(source, to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	name, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return ""
	}
	if err := finish(c); err != nil {
		t.Fatalf("session with %q: %v", name, err)
	}
	return strings.TrimSuffix(name, "\n")
}
