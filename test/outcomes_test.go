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

	"daemon/plug/test/harness"
)

// Every row of ORIGINAL's outcome table: what the client does, what syslog
// gets in which order, and the session line. The plug is a daemon, since
// errors go to stderr in the foreground.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	kill := func(signal syscall.Signal) func(*testing.T, *harness.Plug, *net.TCPConn) {
		return func(t *testing.T, p *harness.Plug, c *net.TCPConn) {
			harness.MustPing(t, c)
			syscall.Kill(p.Carrier(c), signal)
			harness.HungUp(c)
		}
	}
	for name, row := range map[string]struct {
		target  func(t *testing.T) []string
		client  func(*testing.T, *harness.Plug, *net.TCPConn)
		in, out int64
		texts   []string // of the session's end; %s is the target's address
		line    bool
	}{
		"both ended": {
			target: echoTarget,
			client: func(t *testing.T, _ *harness.Plug, c *net.TCPConn) { harness.MustPing(t, c); harness.Finish(c) },
			in:     1, out: 1, line: true,
			texts: []string{"Connect from 127.0.0.1 to 127.0.0.1", "Complete."},
		},
		"no target": {
			target: func(t *testing.T) []string { return []string{harness.Refusing(t)} },
			client: func(_ *testing.T, _ *harness.Plug, c *net.TCPConn) { harness.HungUp(c) },
			line:   true,
			texts:  []string{"Complete, status=2."},
		},
		"target resets": {
			target: func(t *testing.T) []string {
				return []string{harness.Serve(t, harness.Anywhere, harness.Resetter).Addr()}
			},
			client: func(t *testing.T, _ *harness.Plug, c *net.TCPConn) {
				harness.MustPing(t, c)
				c.Write([]byte("x"))
				harness.HungUp(c)
			},
			in: 2, out: -1, line: true,
			texts: []string{"Connect from 127.0.0.1 to 127.0.0.1", "Complete, status=3."},
		},
		"client resets": {
			target: echoTarget,
			client: func(t *testing.T, _ *harness.Plug, c *net.TCPConn) { harness.MustPing(t, c); harness.Reset(c) },
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
			target: func(t *testing.T) []string { return []string{"-a", "192.0.2.1", harness.Refusing(t)} },
			client: func(_ *testing.T, _ *harness.Plug, c *net.TCPConn) { harness.HungUp(c) },
			texts:  []string{"Connect from 127.0.0.1 Refused."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				target := row.target(t)
				args := append([]string{"-l", "{port}"}, target...)
				if mode == "pool" {
					args = append(args, "--workers", "1")
				}
				p := harness.StartDaemon(t, mode, args...)
				began := time.Now()
				c := harness.Dial(t, p.Addr())
				row.client(t, p, c)
				tag := fmt.Sprintf("(%d): ", p.Port)
				for _, text := range row.texts {
					want := regexp.QuoteMeta(tag + text)
					if strings.HasPrefix(text, "killed") {
						want = regexp.QuoteMeta(tag) + ".*" + text + ".*"
					}
					r := p.Syslog.Await(t, want)
					if priority := map[bool]int{true: harness.DaemonErr, false: harness.DaemonNotice}[strings.HasPrefix(text, "killed")]; r.Priority != priority {
						t.Errorf("%v: want priority %d", r, priority)
					}
				}
				if !row.line {
					p.Stop()
					p.Lines(0)
					return
				}
				l := p.Lines(1)[0]
				took := time.Since(began)
				if l.Listen != strconv.Itoa(p.Port) || l.Peer != "127.0.0.1" || l.Target != harness.Last(target, 1)[0] {
					t.Errorf("session line %+v", l)
				}
				if l.In != row.in || l.Out != row.out && row.out >= 0 {
					t.Errorf("bytes %d %d, want %d %d", l.In, l.Out, row.in, row.out)
				}
				if l.Took > took || l.Took < 0 {
					t.Errorf("it took %v of %v", l.Took, took)
				}
				if l.Ended.Before(began.Add(-time.Second)) || l.Ended.After(time.Now()) {
					t.Errorf("ended at %v, now is %v", l.Ended, time.Now())
				}
				for _, r := range p.Syslog.All() {
					if strings.HasPrefix(r.Text, tag+"Co") && r.PID != l.PID {
						t.Errorf("%v: the session's PID is %d", r, l.PID)
					}
				}
				if r := p.Syslog.Await(t, regexp.QuoteMeta(tag+"Plugdaemon started.")); r.PID != p.Master || r.Priority != harness.DaemonNotice {
					t.Errorf("%v: want the master's PID %d and priority %d", r, p.Master, harness.DaemonNotice)
				}
				for _, unwanted := range []string{"Complete.", "Complete, status=2.", "Complete, status=3.", "Complete, status=4."} {
					if r, found := p.Syslog.Find(regexp.QuoteMeta(tag + unwanted)); found && !slices.Contains(row.texts, unwanted) {
						t.Errorf("unwanted: %v", r)
					}
				}
			})
		})
	}
}

func echoTarget(t *testing.T) []string {
	return []string{harness.Serve(t, harness.Anywhere, harness.Echo).Addr()}
}
