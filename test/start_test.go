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

	"daemon/plug/test/harness"
)

// The command returns when the daemon serves: the very first connect works,
// and the pidfile exists (harness.StartDaemon checks it).
func TestDaemonServesAtOnce(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		for range harness.Count(50) {
			p := harness.StartDaemon(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
			began := time.Now()
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			if took := time.Since(began); took > time.Second {
				t.Errorf("the first session waited %v", took)
			}
			harness.Finish(c)
			if p.Errors() != "" || harness.ReadString(p.Stdout) != "" {
				t.Errorf("stdout %q, stderr %q", harness.ReadString(p.Stdout), p.Errors())
			}
			p.Stop()
		}
	})
}

// In pool mode, the pidfile lists all workers when the command returns: a
// script that has started the plug reads it next.
func TestPoolPidfileIsCompleteAtOnce(t *testing.T) {
	target := harness.Serve(t, harness.Anywhere, harness.Echo)
	for range 15 {
		p := harness.Prepare(t, "pool", "--workers", "4", target.Addr())
		p.Daemon = true
		p.Launch(func(c *exec.Cmd) {
			c.Path = "/bin/sh"
			c.Args = append([]string{"sh", "-c", `"$0" "$@" && while read -r line; do echo "$line"; done <` + p.Pidfile}, c.Args...)
		})
		if code := p.Wait(harness.ServeBound); code != 0 || !p.Serves() {
			t.Fatalf("exited with %d: %s", code, p.Errors())
		}
		if pids, err := harness.ReadPidfile(p.Stdout); err != nil || len(pids) != 5 {
			t.Errorf("the pidfile names %d processes, not the master and 4 workers (%v)", len(pids), err)
		}
		p.Stop()
	}
}

// A daemon has left its starter's session, and its master is not a child of the
// test.
func TestDaemonDetaches(t *testing.T) {
	p := harness.StartDaemon(t, "prefork", harness.Refusing(t))
	q, err := harness.ReadProcess(p.Master)
	if err != nil {
		t.Fatal(err)
	}
	own, err := harness.ReadProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if q.Session == own.Session || q.PPID == os.Getpid() {
		t.Errorf("master %v: session %d, the starter's is %d", q, q.Session, own.Session)
	}
	for fd := range 3 {
		if is := harness.Descriptors(p.Master)[fd]; is != "/dev/null" {
			t.Errorf("descriptor %d of the master is %s", fd, is)
		}
	}
}

// A port in use is retried for about two seconds; then the error names the
// holder.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"-n", "-l"} {
		p := harness.Prepare(t, "prefork", n, harness.Refusing(t))
		ln, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", p.Port))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p.Launch()
		code := p.Wait(10 * time.Second)
		took := time.Since(began)
		ln.Close()
		if code != 4 || took < 1500*time.Millisecond || took > 6*time.Second {
			t.Errorf("%s: exit code %d after %v, want 4 after about 2s", n, code, took)
		}
		refused(p, strconv.Itoa(p.Port), strconv.Itoa(os.Getpid()))
		if _, err := os.Stat(p.Pidfile); err == nil {
			t.Errorf("%s: a failed start leaves a pidfile: %q", n, harness.ReadString(p.Pidfile))
		}
	}
}

// A port that is freed within the two seconds is used.
func TestPortFreedInTime(t *testing.T) {
	p := harness.Prepare(t, "prefork", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	ln, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", p.Port))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		harness.Passed(700 * time.Millisecond)
		ln.Close()
	}()
	p.Detach()
	harness.MustPing(t, harness.Dial(t, p.Addr()))
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
				p := harness.Prepare(t, "prefork", append([]string{n}, args...)...)
				p.Launch()
				refused(p, args[1])
				if _, err := os.Stat(p.Pidfile); err == nil {
					t.Errorf("it leaves a pidfile: %q", harness.ReadString(p.Pidfile))
				}
				if errs := p.Errors(); strings.Count(errs, "\n") == 0 || strings.Contains(errs, "goroutine ") {
					t.Errorf("stderr %q", errs)
				}
			})
		}
	}
}

// -p: the target sees the given source address.
func TestSourceAddress(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		seen := make(chan string, 1)
		b := harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
			seen <- c.RemoteAddr().(*net.TCPAddr).IP.String()
			harness.Echo(c)
		})
		for _, args := range [][]string{{"-p", "127.0.0.42", "{port}"}, {"{port}/127.0.0.42"}, {"127.0.0.1:{port}/lo", "-p127.0.0.42"}} {
			p := harness.Start(t, mode, append(args, b.Addr())...)
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			if got := <-seen; got != "127.0.0.42" {
				t.Errorf("%q: the target sees %s", args, got)
			}
			harness.Finish(c)
			p.Stop()
		}
	})
}

// -k: SO_KEEPALIVE on both sides, seen by the timer in /proc/net/tcp.
func TestKeepalive(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		b := harness.Serve(t, harness.Anywhere, harness.Echo)
		for _, on := range []bool{false, true} {
			args := []string{b.Addr()}
			if on {
				args = append(args, "-k")
			}
			p := harness.Start(t, mode, args...)
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			for side, match := range map[string]func(harness.TCPSocket) bool{
				"client": func(s harness.TCPSocket) bool { return s.LocalPort == p.Port },
				"target": func(s harness.TCPSocket) bool { return s.RemotePort == b.Port },
			} {
				// A retransmission timer hides keepalive in that column: wait
				// for its end.
				if !harness.HoldsWithin(harness.ShortWait, func() bool {
					n, timed := 0, 0
					for _, s := range harness.TCPSockets(t) {
						if s.State == harness.StateEstablished && match(s) {
							n++
							if s.Timer == harness.TimerKeepalive {
								timed++
							}
						}
					}
					return n == 1 && (timed == 1) == on
				}) {
					t.Errorf("-k %v: the %s side's keepalive isn't so", on, side)
				}
			}
			harness.Finish(c)
			p.Stop()
		}
	})
}

// The problems of a thousand starts on a small scale: a master is stopped and
// started again and again on one port and pidfile, with a client that watches.
func TestRestarts(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
	p := harness.Prepare(t, "prefork", "--spares", "2:2", target)
	for range harness.Count(50) {
		p.Detach()
		c := harness.Dial(t, p.Addr())
		harness.MustPing(t, c)
		harness.Finish(c)
		p.Signal(syscall.SIGTERM)
		p.Freed()
		p.Gone(5 * time.Second)
	}
}

// With -n a plug prints one line that says that it serves, and where; a daemon
// prints nothing.
func TestForegroundSaysThatItServes(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		a, b := harness.Serve(t, harness.Anywhere, harness.Echo).Addr(), harness.Refusing(t)
		p := harness.Start(t, mode, a, b)
		want := fmt.Sprintf("serving: source=%d targets=%q mode=%s version=", p.Port, a+" "+b, mode)
		harness.Await(t, "a line on stderr", harness.ServeBound, func() bool { return strings.HasSuffix(harness.ReadString(p.Stderr), "\n") })
		if said := harness.ReadString(p.Stderr); strings.Count(said, "\n") != 1 || !strings.Contains(said, want) {
			t.Errorf("stderr %q, want one line with %q", said, want)
		}
	})
	if p := harness.StartDaemon(t, "prefork", harness.Refusing(t)); harness.ReadString(p.Stderr) != "" {
		t.Errorf("a daemon's command says %q", harness.ReadString(p.Stderr))
	}
}

// With -d the last line of the log says that the plug has stopped, and how
// many sessions continue.
func TestLogSaysThatItStopped(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		for signal, live := range map[syscall.Signal]int{syscall.SIGTERM: 2, syscall.SIGINT: 0} {
			p := harness.Start(t, mode, "-d", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
			held := harness.Hold(t, p, 2)
			p.Signal(signal)
			if code := p.Wait(10 * time.Second); code != 0 {
				t.Errorf("%v: exit code %d", signal, code)
			}
			for _, c := range held {
				harness.Finish(c)
			}
			if said, want := p.Said(`\[INFO\]  plug: stopped: `), fmt.Sprintf(" sessions=%d", live); len(said) != 1 || !strings.HasSuffix(said[0], want) {
				t.Errorf("%v: %q, want one line with %q", signal, said, want)
			}
		}
	})
}
