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
)

// The session file is rotated again and again, in every possible way, while
// sessions end all the time: all files together have one whole line for each.
func TestRotationUnderLoad(t *testing.T) {
	for _, how := range []struct {
		name   string
		rounds int
		rotate func(*plug, *crowd, string)
	}{
		{"renamed", 20, func(p *plug, _ *crowd, to string) { p.rename(to, 0) }},
		{"renamed and HUP", 60, func(p *plug, _ *crowd, to string) { p.rename(to, syscall.SIGHUP) }},
		{"renamed and USR1", 60, func(p *plug, _ *crowd, to string) { p.rename(to, syscall.SIGUSR1) }},
		{"copytruncate", 60, func(p *plug, c *crowd, to string) { p.copyTruncate(c, to) }},
	} {
		forEachMode(t, func(t *testing.T, mode string) {
			t.Parallel()
			t.Run(how.name, func(t *testing.T) {
				p := start(t, mode, serve(t, anywhere, echo).addr())
				c := gather(p, 4)
				defer c.rest()
				// Sessions that outlive a rotation, in workers that nothing
				// else wakes.
				var idle []*net.TCPConn
				for i := range 3 {
					idle = append(idle, dialAs(t, fmt.Sprintf("127.9.9.%d", 1+i), p.addr()))
					idle[i].SetDeadline(time.Now().Add(10 * time.Minute))
					mustPing(t, idle[i])
				}
				for i := range scaled(how.rounds, max(2, how.rounds/20)) {
					how.rotate(p, c, fmt.Sprintf("%s.%d", p.sessions, i))
					await(t, "lines in the new file", longWait, func() bool {
						info, err := os.Stat(p.sessions)
						return err == nil && info.Size() > 0
					})
				}
				// The master tells one worker after another.
				holdsWithin(shortWait, func() bool { return !p.holds(p.sessions + ".") })
				for _, i := range idle {
					if err := finish(i); err != nil {
						t.Error(err)
					}
				}
				n := c.rest() + len(idle)
				all := 0
				await(t, fmt.Sprintf("%d lines in all files", n), longWait, func() bool {
					all = p.linesOfAll()
					return all >= n
				})
				if all != n {
					t.Errorf("%d lines in all files, of %d sessions", all, n)
				}
				if said := p.errors(); strings.Contains(said, "[ERROR]") {
					t.Errorf("stderr: %s", tail(said, 1000))
				}
				here := 0
				for _, l := range parseSessions(t, p.sessions) {
					if strings.HasPrefix(l.peer, "127.9.9.") {
						here++
					}
				}
				if here != len(idle) {
					t.Errorf("%d lines of %d sessions that outlived the rotations are in the newest file", here, len(idle))
				}
			})
		})
	}
}

// holds reports whether a process in the pidfile has a file open whose path
// begins with prefix, if /proc shows that.
func (p *plug) holds(prefix string) bool {
	for _, pid := range p.pids() {
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
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := start(t, mode, serve(t, anywhere, echo).addr())
		c := gather(p, 4)
		defer c.rest()
		every := time.NewTicker(3 * time.Millisecond)
		defer every.Stop()
		for range count(3000) {
			<-every.C
			p.signal(syscall.SIGUSR1)
		}
		p.lines(c.rest())
		if said := p.errors(); said != "" {
			t.Errorf("stderr: %s", tail(said, 1000))
		}
	})
}

// rename moves the session file away, and checks that there is a new one
// within a second, or at once after a signal.
func (p *plug) rename(to string, s syscall.Signal) {
	p.t.Helper()
	if err := os.Rename(p.sessions, to); err != nil {
		p.t.Fatal(err)
	}
	bound := 1500 * time.Millisecond
	if s != 0 {
		p.signal(s)
		bound = 500 * time.Millisecond // sooner than the master's own check usually
	}
	await(p.t, fmt.Sprintf("a new session file (signal %d)", s), bound, func() bool {
		_, err := os.Stat(p.sessions)
		return err == nil
	})
}

// copyTruncate copies the file and truncates it, like logrotate's option with
// that name. Lines that are written in between are always lost, so no session
// ends in between; the writer is responsible that later lines start at the
// beginning of the file, and not after a hole.
func (p *plug) copyTruncate(c *crowd, to string) {
	p.t.Helper()
	c.pause(func(ended int) {
		lines := 0
		for i := 0; ; i++ {
			if _, err := os.Stat(fmt.Sprintf("%s.%d", p.sessions, i)); err != nil {
				break
			}
			lines += strings.Count(readString(fmt.Sprintf("%s.%d", p.sessions, i)), "\n")
		}
		await(p.t, "the lines of all ended sessions", longWait, func() bool {
			return lines+strings.Count(readString(p.sessions), "\n") == ended
		})
		if err := copyFile(p.sessions, to); err != nil {
			p.t.Fatal(err)
		}
		if err := os.Truncate(p.sessions, 0); err != nil {
			p.t.Fatal(err)
		}
	})
}

// linesOfAll counts the lines in the session file and in the rotated files;
// each must be whole.
func (p *plug) linesOfAll() (n int) {
	p.t.Helper()
	paths, _ := filepath.Glob(p.sessions + "*")
	for _, path := range paths {
		n += len(parseSessions(p.t, path))
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
	plug   *plug
}

func gather(p *plug, clients int) *crowd {
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
	conn, err := dialFrom("", c.plug.addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ping(conn); err != nil {
		return err
	}
	return finish(conn)
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
		c.plug.t.Errorf("a session failed: %v", *err)
	}
	return int(c.ended.Load())
}
