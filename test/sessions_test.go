// Tests of many sessions at once: processes, pidfile, titles, exit codes.

package test

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"testing"
)

// Many sessions at once: each has its own live process, the pidfile names
// exactly these, and ps shows whose they are.
func TestHeldSessions(t *testing.T) {
	t.Parallel()
	n := count(2000)
	forEachMode(t, func(t *testing.T, mode string) {
		b := serve(t, anywhere, echo)
		p := start(t, mode, b.addr())
		held := hold(t, p, n)
		workers := p.lists(held)

		clients := map[string]bool{}
		for _, c := range held {
			clients[c.LocalAddr().String()] = true
		}
		form := regexp.MustCompile(fmt.Sprintf(`^plug: %d (127\.0\.0\.1:\d+) > 127\.0\.0\.1:%d$`, p.port, b.port))
		for _, pid := range workers {
			if !isOf(pid, p.bin) {
				t.Fatalf("%d in the pidfile is no process of the plug", pid)
			}
			var m []string
			await(t, fmt.Sprintf("the title of %d to name its session", pid), shortWait, func() bool {
				m = form.FindStringSubmatch(title(pid))
				return m != nil
			})
			if !clients[m[1]] {
				t.Fatalf("title of %d: %q names no client, or one that another title names", pid, title(pid))
			}
			delete(clients, m[1])
		}
		want := fmt.Sprintf("plug: master %d (%d sessions)", p.port, n)
		await(t, "the master's title "+strconv.Quote(want), shortWait, func() bool { return title(p.master) == want })

		for _, c := range held {
			if err := finish(c); err != nil {
				t.Fatal(err)
			}
		}
		p.carriers(0)
		carried := map[int]bool{}
		for _, l := range p.lines(n) {
			carried[l.pid] = true
		}
		for _, pid := range workers {
			if !carried[pid] {
				t.Errorf("%d was in the pidfile and in no session line", pid)
			}
		}
		want = fmt.Sprintf("plug: master %d (0 sessions)", p.port)
		await(t, "the master's title "+strconv.Quote(want), shortWait, func() bool { return title(p.master) == want })
	}, "fork", "prefork")
}

// A pool lists all its workers, with and without sessions.
func TestPoolPidfile(t *testing.T) {
	p := start(t, "pool", "--workers", "3", serve(t, anywhere, echo).addr())
	idle := p.carriers(3)
	held := hold(t, p, count(2000))
	if busy := p.carriers(3); fmt.Sprint(busy) != fmt.Sprint(idle) {
		t.Errorf("pidfile: %v idle, %v busy", idle, busy)
	}
	for _, c := range held {
		if err := finish(c); err != nil {
			t.Fatal(err)
		}
	}
	p.lines(len(held))
}

// buried matches the master's debug message about a dead worker.
var buried = regexp.MustCompile(`(?m)^.*worker ended.*pid=(\d+).*(status|signal)=(\S+)`)

// burials are the ends of workers that the master has logged, by PID.
func (p *plug) burials() map[int]string {
	ends := map[int]string{}
	for _, m := range buried.FindAllStringSubmatch(p.errors(), -1) {
		pid, _ := strconv.Atoi(m[1])
		ends[pid] = m[2] + "=" + m[3]
	}
	return ends
}

// In fork mode every session is a process, and its exit status is its outcome.
func TestForkExitCodes(t *testing.T) {
	n := count(2000)
	for _, c := range []struct {
		outcome string
		share   int
		status  string
		args    func(t *testing.T) []string
		client  func(*net.TCPConn) error
	}{
		{"complete", 4, "status=0",
			func(t *testing.T) []string { return []string{serve(t, anywhere, echo).addr()} },
			func(c *net.TCPConn) error {
				if err := ping(c); err != nil {
					return err
				}
				return finish(c)
			}},
		{"no target", 2, "status=2",
			func(t *testing.T) []string { return []string{refusing(t)} },
			hungUp},
		{"reset", 2, "status=3",
			func(t *testing.T) []string { return []string{serve(t, anywhere, resetter).addr()} },
			func(c *net.TCPConn) error {
				if err := ping(c); err != nil {
					return err
				}
				c.Write([]byte{'.'})
				return hungUp(c)
			}},
		{"proxy refuses", 2, "status=4",
			func(t *testing.T) []string {
				proxy := serve(t, anywhere, func(c *net.TCPConn) {
					io.WriteString(c, "HTTP/1.1 403 Forbidden\r\n\r\n")
					sink(c)
				})
				return []string{"-h", proxy.addr(), "127.0.0.1:9"}
			},
			hungUp},
	} {
		t.Run(c.outcome, func(t *testing.T) {
			n := n * c.share / 10
			p := start(t, "fork", append([]string{"-d"}, c.args(t)...)...)
			for i := range n {
				conn, err := dialFrom("", p.addr())
				if err == nil {
					err = c.client(conn)
					conn.Close()
				}
				if err != nil {
					t.Fatalf("session %d: %v", i+1, err)
				}
			}
			pids := map[int]bool{}
			for _, l := range p.lines(n) {
				pids[l.pid] = true
			}
			if len(pids) != n {
				t.Errorf("%d sessions were %d processes", n, len(pids))
			}
			var ends map[int]string
			missing := 0
			if !holdsWithin(normalWait, func() bool {
				ends, missing = p.burials(), 0
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
		})
	}
}

// hungUp succeeds when the other side ends, in any way.
func hungUp(c *net.TCPConn) error {
	_, err := io.Copy(io.Discard, c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return err
	}
	return nil
}
