// Tests of starts: daemons, ports in use, failures, options of sockets.

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The command returns when the daemon serves: the very first connect works,
// and the pidfile exists (startDaemon checks it).
func TestDaemonServesAtOnce(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		for range count(50) {
			p := startDaemon(t, mode, serve(t, anywhere, echo).addr())
			began := time.Now()
			c := dial(t, p.addr())
			mustPing(t, c)
			if took := time.Since(began); took > time.Second {
				t.Errorf("the first session waited %v", took)
			}
			finish(c)
			if p.errors() != "" || readString(p.stdout) != "" {
				t.Errorf("stdout %q, stderr %q", readString(p.stdout), p.errors())
			}
			p.stop()
		}
	})
}

// In pool mode, the pidfile lists all workers when the command returns: a
// script that has started the plug reads it next.
func TestPoolPidfileIsCompleteAtOnce(t *testing.T) {
	target := serve(t, anywhere, echo)
	for range 15 {
		p := prepare(t, "pool", "--workers", "4", target.addr())
		p.daemon = true
		p.launch(func(c *exec.Cmd) {
			c.Path = "/bin/sh"
			c.Args = append([]string{"sh", "-c", `"$0" "$@" && while read -r line; do echo "$line"; done <` + p.pidfile}, c.Args...)
		})
		if code := p.wait(serveBound); code != 0 || !p.serves() {
			t.Fatalf("exited with %d: %s", code, p.errors())
		}
		if pids, err := readPidfile(p.stdout); err != nil || len(pids) != 5 {
			t.Errorf("the pidfile names %d processes, not the master and 4 workers (%v)", len(pids), err)
		}
		p.stop()
	}
}

// A daemon has left its starter's session, and its master is not a child of the
// test.
func TestDaemonDetaches(t *testing.T) {
	p := startDaemon(t, "prefork", refusing(t))
	q, err := readProcess(p.master)
	if err != nil {
		t.Fatal(err)
	}
	own, err := readProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if q.session == own.session || q.ppid == os.Getpid() {
		t.Errorf("master %v: session %d, the starter's is %d", q, q.session, own.session)
	}
	for fd := range 3 {
		if is := descriptors(p.master)[fd]; is != "/dev/null" {
			t.Errorf("descriptor %d of the master is %s", fd, is)
		}
	}
}

// A port in use is retried for about two seconds; then the error names the
// holder.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"-n", "-l"} {
		p := prepare(t, "prefork", n, refusing(t))
		ln, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", p.port))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p.launch()
		code := p.wait(10 * time.Second)
		took := time.Since(began)
		ln.Close()
		if code != 4 || took < 1500*time.Millisecond || took > 6*time.Second {
			t.Errorf("%s: exit code %d after %v, want 4 after about 2s", n, code, took)
		}
		p.refused(strconv.Itoa(p.port), strconv.Itoa(os.Getpid()))
		if _, err := os.Stat(p.pidfile); err == nil {
			t.Errorf("%s: a failed start leaves a pidfile: %q", n, readString(p.pidfile))
		}
	}
}

// A port that is freed within the two seconds is used.
func TestPortFreedInTime(t *testing.T) {
	p := prepare(t, "prefork", serve(t, anywhere, echo).addr())
	ln, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		passed(700 * time.Millisecond)
		ln.Close()
	}()
	p.detach()
	mustPing(t, dial(t, p.addr()))
}

// Each way in which a start can fail leaves the reason and code 4, but no
// process, no open port, and no new pidfile.
func TestFailedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"foreign address": {"-i", "192.0.2.1", "{port}", "127.0.0.1:1"},
		"session file":    {"-S", "/nonexistent/dir/file", "{port}", "127.0.0.1:1"},
		"session dir":     {"-S", "/", "{port}", "127.0.0.1:1"},
		"pidfile":         {"-P", "/nonexistent/dir/file", "{port}", "127.0.0.1:1"},
	} {
		for _, n := range []string{"-n", "-l"} {
			t.Run(name+n, func(t *testing.T) {
				p := prepare(t, "prefork", append([]string{n}, args...)...)
				p.launch()
				p.refused(args[1])
				if _, err := os.Stat(p.pidfile); err == nil {
					t.Errorf("it leaves a pidfile: %q", readString(p.pidfile))
				}
				if errs := p.errors(); strings.Count(errs, "\n") == 0 || strings.Contains(errs, "goroutine ") {
					t.Errorf("stderr %q", errs)
				}
			})
		}
	}
}

// -p: the target sees the given source address.
func TestSourceAddress(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		seen := make(chan string, 1)
		b := serve(t, anywhere, func(c *net.TCPConn) {
			seen <- c.RemoteAddr().(*net.TCPAddr).IP.String()
			echo(c)
		})
		for _, args := range [][]string{{"-p", "127.0.0.42", "{port}"}, {"{port}/127.0.0.42"}, {"127.0.0.1:{port}/lo", "-p127.0.0.42"}} {
			p := start(t, mode, append(args, b.addr())...)
			c := dial(t, p.addr())
			mustPing(t, c)
			if got := <-seen; got != "127.0.0.42" {
				t.Errorf("%q: the target sees %s", args, got)
			}
			finish(c)
			p.stop()
		}
	})
}

// -k: SO_KEEPALIVE on both sides, seen by the timer in /proc/net/tcp.
func TestKeepalive(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		b := serve(t, anywhere, echo)
		for _, on := range []bool{false, true} {
			args := []string{b.addr()}
			if on {
				args = append(args, "-k")
			}
			p := start(t, mode, args...)
			c := dial(t, p.addr())
			mustPing(t, c)
			for side, match := range map[string]func(tcpSocket) bool{
				"client": func(s tcpSocket) bool { return s.localPort == p.port },
				"target": func(s tcpSocket) bool { return s.remotePort == b.port },
			} {
				// A retransmission timer hides keepalive in that column: wait
				// for its end.
				if !holdsWithin(shortWait, func() bool {
					n, timed := 0, 0
					for _, s := range tcpSockets(t) {
						if s.state == stateEstablished && match(s) {
							n++
							if s.timer == timerKeepalive {
								timed++
							}
						}
					}
					return n == 1 && (timed == 1) == on
				}) {
					t.Errorf("-k %v: the %s side's keepalive isn't so", on, side)
				}
			}
			finish(c)
			p.stop()
		}
	})
}

// The problems of a thousand starts on a small scale: a master is stopped and
// started again and again on one port and pidfile, with a client that watches.
func TestRestarts(t *testing.T) {
	t.Parallel()
	target := serve(t, anywhere, echo).addr()
	p := prepare(t, "prefork", "--spares", "2:2", target)
	for range count(50) {
		p.detach()
		c := dial(t, p.addr())
		mustPing(t, c)
		finish(c)
		p.signal(syscall.SIGTERM)
		p.freed()
		p.gone(5 * time.Second)
	}
}

// With -n a plug prints one line that says that it serves, and where; a daemon
// prints nothing.
func TestForegroundSaysThatItServes(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		a, b := serve(t, anywhere, echo).addr(), refusing(t)
		p := start(t, mode, a, b)
		want := fmt.Sprintf("serving: source=%d targets=%q mode=%s version=", p.port, a+" "+b, mode)
		await(t, "a line on stderr", serveBound, func() bool { return strings.HasSuffix(readString(p.stderr), "\n") })
		if said := readString(p.stderr); strings.Count(said, "\n") != 1 || !strings.Contains(said, want) {
			t.Errorf("stderr %q, want one line with %q", said, want)
		}
	})
	if p := startDaemon(t, "prefork", refusing(t)); readString(p.stderr) != "" {
		t.Errorf("a daemon's command says %q", readString(p.stderr))
	}
}

// With -d the last line of the log says that the plug has stopped, and how
// many sessions continue.
func TestLogSaysThatItStopped(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		for signal, live := range map[syscall.Signal]int{syscall.SIGTERM: 2, syscall.SIGINT: 0} {
			p := start(t, mode, "-d", serve(t, anywhere, echo).addr())
			held := hold(t, p, 2)
			p.signal(signal)
			if code := p.wait(10 * time.Second); code != 0 {
				t.Errorf("%v: exit code %d", signal, code)
			}
			for _, c := range held {
				finish(c)
			}
			if said, want := p.said(`\[INFO\]  plug: stopped: `), fmt.Sprintf(" sessions=%d", live); len(said) != 1 || !strings.HasSuffix(said[0], want) {
				t.Errorf("%v: %q, want one line with %q", signal, said, want)
			}
		}
	})
}
