// A test of the host name in syslog datagrams over UDP.

package test

import (
	"net"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// Over UDP master and workers use the short host name (RFC 3164, 4.1.2: the
// domain name must not be included).
func TestSyslogShortHostName(t *testing.T) {
	t.Parallel()
	if !harness.InNamespace(t, harness.OfHostName) {
		return
	}
	if err := unix.Sethostname([]byte("relay7.example.org")); err != nil {
		t.Skipf("a host name of its own: %v", err)
	}
	c, err := net.ListenPacket("udp4", harness.Anywhere)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(harness.TalkBound))
	p := harness.Start(t, "prefork", "--syslog", "udp://"+c.LocalAddr().String(), "-l", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	conn := harness.Dial(t, p.Addr())
	harness.MustPing(t, conn)
	harness.Finish(conn)
	for _, want := range []string{"Plugdaemon started", "Connect from", "Complete"} {
		buf := make([]byte, 2048)
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatalf("waiting for %q: %v", want, err)
		}
		if form := regexp.MustCompile(`:\d\d relay7 plug\[\d+\]: .*` + want); !form.Match(buf[:n]) {
			t.Errorf("datagram %q, want one that matches %s", buf[:n], form)
		}
	}
}
