// Tests of a syslog that cannot be reached.

package test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
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
	for name, c := range unreachable {
		for _, how := range []string{"daemon", "foreground"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(openDir(t), "dev-log")
				c.make(t, path)
				p := prepare(t, "prefork", "-l", "--syslog", path, serve(t, anywhere, echo).addr())
				if how == "daemon" {
					p.detach()
				} else {
					p.foreground()
				}
				await(t, "the start to say why syslog can't be reached", normalWait, func() bool {
					said := p.errors()
					return strings.Contains(said, path) && strings.Contains(said, c.says)
				})
				cycle(t, p)
				os.Remove(path)
				s := listenSyslog(t, path)
				await(t, "every record, or that it was lost", normalWait, func() bool {
					heard := 0
					for _, r := range s.all() {
						if lost := recordsLost.FindStringSubmatch(r.text); lost != nil {
							n, _ := strconv.Atoi(lost[1])
							heard += n
						} else {
							heard++
						}
					}
					return heard == 3 // started, connected, complete
				})
				if n := strings.Count(p.errors(), path); n != 1 {
					t.Errorf("stderr names the socket %d times: %s", n, p.errors())
				}
			})
		}
	}
}

// With -n, and nothing that goes to syslog, its absence is not reported; once
// records are lost, stderr reports it.
func TestSyslogGoesAway(t *testing.T) {
	p := start(t, "prefork", "--syslog", "/nonexistent/log", serve(t, anywhere, echo).addr())
	cycle(t, p)
	p.lines(1)
	if said := p.errors(); said != "" {
		t.Errorf("stderr: %s", said)
	}
	p = prepare(t, "prefork", "-l", serve(t, anywhere, echo).addr())
	p.foreground()
	p.syslog.await(t, `\(\d+\): Plugdaemon started\.`)
	os.Remove(p.syslog.path)
	cycle(t, p)
	await(t, "stderr to be told", normalWait, func() bool {
		return strings.Contains(p.errors(), "syslog cannot be reached")
	})
}
