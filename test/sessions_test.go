// Tests of many sessions at once: processes, pidfile, titles, exit codes.

package test

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"testing"

	"daemon/plug/test/harness"
)

// Many sessions at once: each has its own live process, the pidfile names
// exactly these, and ps shows whose they are.
func TestHeldSessions(t *testing.T) {
	t.Parallel()
	n := harness.Count(2000)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		b := harness.Serve(t, harness.Anywhere, harness.Echo)
		p := harness.Start(t, mode, b.Addr())
		held := harness.Hold(t, p, n)
		workers := p.Lists(held)

		clients := map[string]bool{}
		for _, c := range held {
			clients[c.LocalAddr().String()] = true
		}
		form := regexp.MustCompile(fmt.Sprintf(`^plug: %d (127\.0\.0\.1:\d+) > 127\.0\.0\.1:%d$`, p.Port, b.Port))
		for _, pid := range workers {
			if !harness.IsOf(pid, p.Bin) {
				t.Fatalf("%d in the pidfile is no process of the plug", pid)
			}
			var m []string
			harness.Await(t, fmt.Sprintf("the title of %d to name its session", pid), harness.ShortWait, func() bool {
				m = form.FindStringSubmatch(harness.Title(pid))
				return m != nil
			})
			if !clients[m[1]] {
				t.Fatalf("title of %d: %q names no client, or one that another title names", pid, harness.Title(pid))
			}
			delete(clients, m[1])
		}
		want := fmt.Sprintf("plug: master %d (%d sessions)", p.Port, n)
		harness.Await(t, "the master's title "+strconv.Quote(want), harness.ShortWait, func() bool { return harness.Title(p.Master) == want })

		for _, c := range held {
			if err := harness.Finish(c); err != nil {
				t.Fatal(err)
			}
		}
		p.Carriers(0)
		carried := map[int]bool{}
		for _, l := range p.Lines(n) {
			carried[l.PID] = true
		}
		for _, pid := range workers {
			if !carried[pid] {
				t.Errorf("%d was in the pidfile and in no session line", pid)
			}
		}
		want = fmt.Sprintf("plug: master %d (0 sessions)", p.Port)
		harness.Await(t, "the master's title "+strconv.Quote(want), harness.ShortWait, func() bool { return harness.Title(p.Master) == want })
	}, "fork", "prefork")
}

// A pool lists all its workers, with and without sessions.
func TestPoolPidfile(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "pool", "--workers", "3", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	idle := p.Carriers(3)
	held := harness.Hold(t, p, harness.Count(2000))
	if busy := p.Carriers(3); fmt.Sprint(busy) != fmt.Sprint(idle) {
		t.Errorf("pidfile: %v idle, %v busy", idle, busy)
	}
	for _, c := range held {
		if err := harness.Finish(c); err != nil {
			t.Fatal(err)
		}
	}
	p.Lines(len(held))
}

// buried matches the master's debug message about a dead worker.
var buried = regexp.MustCompile(`(?m)^.*worker ended.*pid=(\d+).*(status|signal)=(\S+)`)

// burials are the ends of workers that the master has logged, by PID.
func burials(p *harness.Plug) map[int]string {
	ends := map[int]string{}
	for _, m := range buried.FindAllStringSubmatch(p.Errors(), -1) {
		pid, _ := strconv.Atoi(m[1])
		ends[pid] = m[2] + "=" + m[3]
	}
	return ends
}

// In fork mode every session is a process, and its exit status is its outcome.
func TestForkExitCodes(t *testing.T) {
	t.Parallel()
	n := harness.Count(2000)
	for _, c := range []forked{
		{"complete", 4, "status=0",
			func(t *testing.T) []string { return []string{harness.Serve(t, harness.Anywhere, harness.Echo).Addr()} },
			func(c *net.TCPConn) error {
				if err := harness.Ping(c); err != nil {
					return err
				}
				return harness.Finish(c)
			}},
		{"no target", 2, "status=2",
			func(t *testing.T) []string { return []string{harness.Refusing(t)} },
			harness.HungUp},
		{"reset", 2, "status=3",
			func(t *testing.T) []string {
				return []string{harness.Serve(t, harness.Anywhere, harness.Resetter).Addr()}
			},
			func(c *net.TCPConn) error {
				if err := harness.Ping(c); err != nil {
					return err
				}
				c.Write([]byte{'.'})
				return harness.HungUp(c)
			}},
		{"proxy refuses", 2, "status=4",
			func(t *testing.T) []string {
				proxy := harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
					io.WriteString(c, "HTTP/1.1 403 Forbidden\r\n\r\n")
					harness.Sink(c)
				})
				return []string{"-h", proxy.Addr(), "127.0.0.1:9"}
			},
			harness.HungUp},
	} {
		t.Run(c.outcome, func(t *testing.T) { c.exits(t, n*c.share/10) })
	}
}

// forked is how sessions end, and the exit status of their workers.
type forked struct {
	outcome string
	share   int
	status  string
	args    func(t *testing.T) []string
	client  func(*net.TCPConn) error
}

// exits runs n sessions and compares the exit status of each worker.
func (c forked) exits(t *testing.T, n int) {
	p := harness.Start(t, "fork", append([]string{"-d"}, c.args(t)...)...)
	for i := range n {
		conn, err := harness.DialFrom("", p.Addr())
		if err == nil {
			err = c.client(conn)
			conn.Close()
		}
		if err != nil {
			t.Fatalf("session %d: %v", i+1, err)
		}
	}
	pids := map[int]bool{}
	for _, l := range p.Lines(n) {
		pids[l.PID] = true
	}
	if len(pids) != n {
		t.Errorf("%d sessions were %d processes", n, len(pids))
	}
	var ends map[int]string
	missing := 0
	if !harness.HoldsWithin(harness.NormalWait, func() bool {
		ends, missing = burials(p), 0
		for pid := range pids {
			if ends[pid] == "" {
				missing++
			}
		}
		return missing == 0
	}) {
		t.Fatalf("the master logged no end of %d of %d workers", missing, n)
	}
	for pid := range pids {
		if ends[pid] != c.status {
			t.Errorf("worker %d: %s, want %s", pid, ends[pid], c.status)
		}
	}
}
