// Harness: clients.

package harness

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TalkBound is how long a client waits for anything before the test fails.
const TalkBound = 15 * time.Second

// DialFrom connects from a source address ("" for any). All operations on the
// connection fail after TalkBound.
func DialFrom(source, to string) (*net.TCPConn, error) {
	var d net.Dialer
	if source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), TalkBound)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(TalkBound))
	return c.(*net.TCPConn), nil
}

// Dial connects, until the test ends.
func Dial(t testing.TB, to string) *net.TCPConn {
	t.Helper()
	return DialAs(t, "", to)
}

// DialAs is Dial from a source address.
func DialAs(t testing.TB, source, to string) *net.TCPConn {
	t.Helper()
	c, err := DialFrom(source, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Ping sends a byte through an echo and reads it back: the session relays.
func Ping(c *net.TCPConn) error {
	if _, err := c.Write([]byte{'.'}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// MustPing is Ping, and a failure ends the test.
func MustPing(t testing.TB, c *net.TCPConn) {
	t.Helper()
	if err := Ping(c); err != nil {
		t.Fatalf("no echo: %v", err)
	}
}

// Finish half-closes and reads to the end, as a client does when it has
// finished.
func Finish(c *net.TCPConn) error {
	defer c.Close()
	if err := c.CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	return err
}

// Hold opens n sessions through an echo and returns when all of them relay.
func Hold(t testing.TB, p *Plug, n int) []*net.TCPConn {
	t.Helper()
	held := make([]*net.TCPConn, n)
	for i := range held {
		held[i] = Dial(t, p.Addr())
		held[i].SetDeadline(time.Now().Add(2 * time.Minute))
	}
	for i, c := range held {
		if err := Ping(c); err != nil {
			t.Fatalf("session %d of %d: no echo: %v", i+1, n, err)
		}
	}
	return held
}

// Greeting connects from source, reads the name that Greet sends, and ends the
// session in order. It is "" if there was no target.
func Greeting(t testing.TB, source, to string) string {
	t.Helper()
	c, err := DialFrom(source, to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	name, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return ""
	}
	if err := Finish(c); err != nil {
		t.Fatalf("session with %q: %v", name, err)
	}
	return strings.TrimSuffix(name, "\n")
}

// ShortSession is one short session.
func ShortSession(t testing.TB, p *Plug) {
	t.Helper()
	c := Dial(t, p.Addr())
	MustPing(t, c)
	if err := Finish(c); err != nil {
		t.Errorf("a session: %v", err)
	}
}

// DialPort connects from a port outside the ephemeral range.
func DialPort(port int, to string) (*net.TCPConn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
	ctx, cancel := context.WithTimeout(context.Background(), TalkBound)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(TalkBound))
	return c.(*net.TCPConn), nil
}

// HungUp succeeds when the other side ends, in any way.
func HungUp(c *net.TCPConn) error {
	_, err := io.Copy(io.Discard, c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return err
	}
	return nil
}
