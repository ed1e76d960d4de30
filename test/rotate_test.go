// Tests of log rotation under load.

package test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// The session file is rotated again and again, in every possible way, while
// sessions end all the time: all files together have one whole line for each.
func TestRotationUnderLoad(t *testing.T) {
	for _, how := range []rotation{
		{"renamed", 20, func(p *harness.Plug, _ *crowd, to string) { rotateByRename(p, to, 0) }},
		{"renamed and HUP", 60, func(p *harness.Plug, _ *crowd, to string) { rotateByRename(p, to, syscall.SIGHUP) }},
		{"renamed and USR1", 60, func(p *harness.Plug, _ *crowd, to string) { rotateByRename(p, to, syscall.SIGUSR1) }},
		{"copytruncate", 60, func(p *harness.Plug, c *crowd, to string) { copyTruncate(p, c, to) }},
	} {
		harness.ForEachMode(t, func(t *testing.T, mode string) {
			t.Parallel()
			t.Run(how.name, func(t *testing.T) { rotate(t, mode, how) })
		})
	}
}

// rotate rotates the session file again and again while sessions come and go:
// each has its line in one of the files.
func rotate(t *testing.T, mode string, how rotation) {
	p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	c := gather(p, 4)
	defer c.rest()
	// Sessions that outlive a rotation, in workers that nothing
	// else wakes.
	var idle []*net.TCPConn
	for i := range 3 {
		idle = append(idle, harness.DialAs(t, fmt.Sprintf("127.9.9.%d", 1+i), p.Addr()))
		idle[i].SetDeadline(time.Now().Add(10 * time.Minute))
		harness.MustPing(t, idle[i])
	}
	for i := range harness.Scaled(how.rounds, max(2, how.rounds/20)) {
		how.rotate(p, c, fmt.Sprintf("%s.%d", p.Sessions, i))
		harness.Await(t, "lines in the new file", harness.LongWait, func() bool {
			info, err := os.Stat(p.Sessions)
			return err == nil && info.Size() > 0
		})
	}
	// The master tells one worker after another.
	harness.HoldsWithin(harness.ShortWait, func() bool { return !holds(p, p.Sessions+".") })
	for _, i := range idle {
		if err := harness.Finish(i); err != nil {
			t.Error(err)
		}
	}
	n := c.rest() + len(idle)
	all := 0
	harness.Await(t, fmt.Sprintf("%d lines in all files", n), harness.LongWait, func() bool {
		all = linesOfAll(p)
		return all >= n
	})
	if all != n {
		t.Errorf("%d lines in all files, of %d sessions", all, n)
	}
	if said := p.Errors(); strings.Contains(said, "[ERROR]") {
		t.Errorf("stderr: %s", harness.Tail(said, 1000))
	}
	here := 0
	for _, l := range harness.ParseSessions(t, p.Sessions) {
		if strings.HasPrefix(l.Peer, "127.9.9.") {
			here++
		}
	}
	if here != len(idle) {
		t.Errorf("%d lines of %d sessions that outlived the rotations are in the newest file", here, len(idle))
	}
}

// rotation is a way to rotate a session file.
type rotation struct {
	name   string
	rounds int
	rotate func(*harness.Plug, *crowd, string)
}

// holds reports whether a process in the pidfile has a file open whose path
// begins with prefix, if /proc shows that.
func holds(p *harness.Plug, prefix string) bool {
	for _, pid := range p.PIDs() {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, l := range links {
			if path, err := os.Readlink(l); err == nil && strings.HasPrefix(path, prefix) {
				return true
			}
		}
	}
	return false
}

// The session file is reopened again and again while workers start and
// sessions end: no worker lacks a descriptor, and no line is lost.
func TestReopenUnderLoad(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		c := gather(p, 4)
		defer c.rest()
		every := time.NewTicker(3 * time.Millisecond)
		defer every.Stop()
		for range harness.Count(3000) {
			<-every.C
			p.Signal(syscall.SIGUSR1)
		}
		p.Lines(c.rest())
		if said := p.Errors(); said != "" {
			t.Errorf("stderr: %s", harness.Tail(said, 1000))
		}
	})
}

// rotateByRename moves the session file away, and checks that there is a new one
// within a second, or at once after a signal.
func rotateByRename(p *harness.Plug, to string, s syscall.Signal) {
	p.T.Helper()
	if err := os.Rename(p.Sessions, to); err != nil {
		p.T.Fatal(err)
	}
	bound := 1500 * time.Millisecond
	if s != 0 {
		p.Signal(s)
		bound = 500 * time.Millisecond // sooner than the master's own check usually
	}
	harness.Await(p.T, fmt.Sprintf("a new session file (signal %d)", s), bound, func() bool {
		_, err := os.Stat(p.Sessions)
		return err == nil
	})
}

// copyTruncate copies the file and truncates it, like logrotate's option with
// that name. Lines that are written in between are always lost, so no session
// ends in between; the writer is responsible that later lines start at the
// beginning of the file, and not after a hole.
func copyTruncate(p *harness.Plug, c *crowd, to string) {
	p.T.Helper()
	c.pause(func(ended int) {
		lines := 0
		for i := 0; ; i++ {
			if _, err := os.Stat(fmt.Sprintf("%s.%d", p.Sessions, i)); err != nil {
				break
			}
			lines += strings.Count(harness.ReadString(fmt.Sprintf("%s.%d", p.Sessions, i)), "\n")
		}
		harness.Await(p.T, "the lines of all ended sessions", harness.LongWait, func() bool {
			return lines+strings.Count(harness.ReadString(p.Sessions), "\n") == ended
		})
		if err := harness.CopyFile(p.Sessions, to); err != nil {
			p.T.Fatal(err)
		}
		if err := os.Truncate(p.Sessions, 0); err != nil {
			p.T.Fatal(err)
		}
	})
}

// linesOfAll counts the lines in the session file and in the rotated files;
// each must be whole.
func linesOfAll(p *harness.Plug) (n int) {
	p.T.Helper()
	paths, _ := filepath.Glob(p.Sessions + "*")
	for _, path := range paths {
		n += len(harness.ParseSessions(p.T, path))
	}
	return n
}

// crowd is a group of clients that open and end one session after another.
type crowd struct {
	mu     sync.RWMutex // held by clients with a session, and by pause
	ended  atomic.Int64
	over   atomic.Bool
	wg     sync.WaitGroup
	failed atomic.Pointer[error]
	plug   *harness.Plug
}

func gather(p *harness.Plug, clients int) *crowd {
	c := &crowd{plug: p}
	for range clients {
		c.wg.Go(func() {
			for !c.over.Load() {
				c.mu.RLock()
				err := c.session()
				c.mu.RUnlock()
				if err != nil {
					c.failed.Store(&err)
					return
				}
				c.ended.Add(1)
			}
		})
	}
	return c
}

func (c *crowd) session() error {
	conn, err := harness.DialFrom("", c.plug.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := harness.Ping(conn); err != nil {
		return err
	}
	return harness.Finish(conn)
}

// pause runs f while no client has a session; ended is how many have ended.
func (c *crowd) pause(f func(ended int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(int(c.ended.Load()))
}

// rest stops the clients and returns the number of their sessions.
func (c *crowd) rest() int {
	c.over.Store(true)
	c.wg.Wait()
	if err := c.failed.Load(); err != nil {
		c.plug.T.Errorf("a session failed: %v", *err)
	}
	return int(c.ended.Load())
}
