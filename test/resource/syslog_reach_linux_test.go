// Tests of a syslog that cannot be reached.

package resource

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// unreachable are the ways in which a syslog socket accepts no datagrams: what
// is at the path, and what a start prints about it.
var unreachable = map[string]struct {
	make func(t *testing.T, path string)
	says string
}{
	"absent": {func(*testing.T, string) {}, "No such file or directory"},
	"stream": {func(t *testing.T, path string) {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}, "stream socket"},
	"nobody listens": {func(t *testing.T, path string) {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		c.Close() // its file stays
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
	}, "Connection refused"},
}

// A start reports that syslog cannot be reached, and why; lost records are
// counted, and reported when syslog can be reached again.
func TestSyslogUnreachableAtStart(t *testing.T) {
	t.Parallel()
	for name, c := range unreachable {
		for _, how := range []string{"daemon", "foreground"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(harness.OpenDir(t), "dev-log")
				c.make(t, path)
				p := harness.Prepare(t, "prefork", "-l", "--syslog", path, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
				if how == "daemon" {
					p.Detach()
				} else {
					p.Foreground()
				}
				harness.Await(t, "the start to say why syslog can't be reached", harness.NormalWait, func() bool {
					said := p.Errors()
					return strings.Contains(said, path) && strings.Contains(said, c.says)
				})
				harness.ShortSession(t, p)
				os.Remove(path)
				s := harness.ListenSyslog(t, path)
				harness.Await(t, "every record, or that it was lost", harness.NormalWait, func() bool {
					heard := 0
					for _, r := range s.All() {
						if lost := recordsLost.FindStringSubmatch(r.Text); lost != nil {
							n, _ := strconv.Atoi(lost[1])
							heard += n
						} else {
							heard++
						}
					}
					return heard == 3 // started, connected, complete
				})
				if n := strings.Count(p.Errors(), path); n != 1 {
					t.Errorf("stderr names the socket %d times: %s", n, p.Errors())
				}
			})
		}
	}
}

// With -n, and nothing that goes to syslog, its absence is not reported; once
// records are lost, stderr reports it.
func TestSyslogGoesAway(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", "--syslog", "/nonexistent/log", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	harness.ShortSession(t, p)
	p.Lines(1)
	if said := p.Errors(); said != "" {
		t.Errorf("stderr: %s", said)
	}
	p = harness.Prepare(t, "prefork", "-l", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Foreground()
	p.Syslog.Await(t, `\(\d+\): Plugdaemon started\.`)
	os.Remove(p.Syslog.Path)
	harness.ShortSession(t, p)
	harness.Await(t, "stderr to be told", harness.NormalWait, func() bool {
		return strings.Contains(p.Errors(), "syslog cannot be reached")
	})
}
