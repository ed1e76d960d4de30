// TestOutcomes: ORIGINAL's outcome table.

package test

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every row of ORIGINAL's outcome table: what the client does, what syslog
// gets in which order, and the session line. The plug is a daemon, since
// errors go to stderr in the foreground.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	kill := func(signal syscall.Signal) func(*testing.T, *plug, *net.TCPConn) {
		return func(t *testing.T, p *plug, c *net.TCPConn) {
			mustPing(t, c)
			syscall.Kill(p.carrier(c), signal)
			hungUp(c)
		}
	}
	for name, row := range map[string]struct {
		target  func(t *testing.T) []string
		client  func(*testing.T, *plug, *net.TCPConn)
		in, out int64
		texts   []string // of the session's end; %s is the target's address
		line    bool
	}{
		"both ended": {
			target: echoTarget,
			client: func(t *testing.T, _ *plug, c *net.TCPConn) { mustPing(t, c); finish(c) },
			in:     1, out: 1, line: true,
			texts: []string{"Connect from 127.0.0.1 to 127.0.0.1", "Complete."},
		},
		"no target": {
			target: func(t *testing.T) []string { return []string{refusing(t)} },
			client: func(_ *testing.T, _ *plug, c *net.TCPConn) { hungUp(c) },
			line:   true,
			texts:  []string{"Complete, status=2."},
		},
		"target resets": {
			target: func(t *testing.T) []string { return []string{serve(t, anywhere, resetter).addr()} },
			client: func(t *testing.T, _ *plug, c *net.TCPConn) { mustPing(t, c); c.Write([]byte("x")); hungUp(c) },
			in:     2, out: -1, line: true,
			texts: []string{"Connect from 127.0.0.1 to 127.0.0.1", "Complete, status=3."},
		},
		"client resets": {
			target: echoTarget,
			client: func(t *testing.T, _ *plug, c *net.TCPConn) { mustPing(t, c); reset(c) },
			in:     1, out: 1, line: true,
			texts: []string{"Connect from 127.0.0.1 to 127.0.0.1", "Complete, status=3."},
		},
		"killed by 9": {
			target: echoTarget, client: kill(syscall.SIGKILL),
			in: 1, out: 1, line: true,
			texts: []string{"Connect from 127.0.0.1 to 127.0.0.1", "Complete, status=4.", "killed by signal 9"},
		},
		"ended by an admin": {
			target: echoTarget, client: kill(syscall.SIGTERM),
			in: 1, out: 1, line: true,
			texts: []string{"Connect from 127.0.0.1 to 127.0.0.1", "Complete, status=4.", "killed by signal 15"},
		},
		"refused": {
			target: func(t *testing.T) []string { return []string{"-a", "192.0.2.1", refusing(t)} },
			client: func(_ *testing.T, _ *plug, c *net.TCPConn) { hungUp(c) },
			texts:  []string{"Connect from 127.0.0.1 Refused."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				target := row.target(t)
				args := append([]string{"-l", "{port}"}, target...)
				if mode == "pool" {
					args = append(args, "--workers", "1")
				}
				p := startDaemon(t, mode, args...)
				began := time.Now()
				c := dial(t, p.addr())
				row.client(t, p, c)
				tag := fmt.Sprintf("(%d): ", p.port)
				for _, text := range row.texts {
					want := regexp.QuoteMeta(tag + text)
					if strings.HasPrefix(text, "killed") {
						want = regexp.QuoteMeta(tag) + ".*" + text + ".*"
					}
					r := p.syslog.await(t, want)
					if priority := map[bool]int{true: daemonErr, false: daemonNotice}[strings.HasPrefix(text, "killed")]; r.priority != priority {
						t.Errorf("%v: want priority %d", r, priority)
					}
				}
				if !row.line {
					p.stop()
					p.lines(0)
					return
				}
				l := p.lines(1)[0]
				took := time.Since(began)
				if l.listen != strconv.Itoa(p.port) || l.peer != "127.0.0.1" || l.target != last(target, 1)[0] {
					t.Errorf("session line %+v", l)
				}
				if l.in != row.in || l.out != row.out && row.out >= 0 {
					t.Errorf("bytes %d %d, want %d %d", l.in, l.out, row.in, row.out)
				}
				if l.took > took || l.took < 0 {
					t.Errorf("it took %v of %v", l.took, took)
				}
				if l.ended.Before(began.Add(-time.Second)) || l.ended.After(time.Now()) {
					t.Errorf("ended at %v, now is %v", l.ended, time.Now())
				}
				for _, r := range p.syslog.all() {
					if strings.HasPrefix(r.text, tag+"Co") && r.pid != l.pid {
						t.Errorf("%v: the session's PID is %d", r, l.pid)
					}
				}
				if r := p.syslog.await(t, regexp.QuoteMeta(tag+"Plugdaemon started.")); r.pid != p.master || r.priority != daemonNotice {
					t.Errorf("%v: want the master's PID %d and priority %d", r, p.master, daemonNotice)
				}
				for _, unwanted := range []string{"Complete.", "Complete, status=2.", "Complete, status=3.", "Complete, status=4."} {
					if r, found := p.syslog.find(regexp.QuoteMeta(tag + unwanted)); found && !slices.Contains(row.texts, unwanted) {
						t.Errorf("unwanted: %v", r)
					}
				}
			})
		})
	}
}

func echoTarget(t *testing.T) []string { return []string{serve(t, anywhere, echo).addr()} }
