// A test with telnet: interrupting the remote process.

package test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// What a telnet client sends for "send ip" and "send synch" (RFC 854): the
// second contains urgent data, which arrives in line.
const (
	telnetIP    = "\xff\xf4"
	telnetSynch = "\xff\xf2"
)

// A user of telnet interrupts the remote process, and continues to type.
func TestTelnetInterrupt(t *testing.T) {
	t.Parallel()
	telnet := harness.Program(t, "telnet")
	harness.Program(t, "tmux")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		k := harness.ServeTaker(t)
		p := harness.Start(t, mode, k.Addr())
		s := harness.OpenScreen(t, p.Dir, fmt.Sprintf("%s 127.0.0.1 %d", telnet, p.Port))
		var target *net.TCPConn
		select {
		case target = <-k.Taken:
			target.SetDeadline(time.Now().Add(4 * harness.TalkBound))
		case <-time.After(harness.TalkBound):
			t.Fatalf("no session at the target: %q", s.Lines())
		}
		defer target.Close()
		s.Shows("Escape character")
		prompts := 0
		command := func(line string) {
			s.Keys("C-]")
			prompts++
			s.Becomes("a prompt", func(lines []string) bool {
				lines = slices.DeleteFunc(lines, func(l string) bool { return !strings.HasPrefix(l, "telnet>") })
				return len(lines) == prompts
			})
			s.Keys(line, "Enter")
		}
		s.Keys("before", "Enter")
		arrives(t, target, "before\r\n")
		command("send ip")
		arrives(t, target, telnetIP)
		for range 3 {
			command("send synch")
			arrives(t, target, telnetSynch)
			s.Keys("after", "Enter")
			arrives(t, target, "after\r\n")
		}
		command("quit")
		if rest, err := io.ReadAll(target); err != nil || len(rest) > 0 {
			t.Errorf("after quit: %q, %v", rest, err)
		}
		target.Close()
		if l := p.Lines(1)[0]; l.In != int64(len("before\r\n"+telnetIP)+3*len(telnetSynch+"after\r\n")) {
			t.Errorf("session line %+v", l)
		}
	})
}

// arrives reads the expected text.
func arrives(t testing.TB, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if string(got[:n]) != want {
		t.Fatalf("%q arrives, not %q: %v", got[:n], want, err)
	}
}
