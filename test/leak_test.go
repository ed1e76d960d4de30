// TestLeaks: memory, descriptors and processes after very many connections.

package test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// leakFor is the time limit for a mode's connections; a mode that starts a
// process for each may not complete them, and reports that.
const leakFor = 30 * time.Minute

// leakClients connect at the same time.
const leakClients = 8

// Nothing grows with the number of connections: the processes have the same
// resources after a tenth of them and after the last one.
func TestLeaks(t *testing.T) {
	n := harness.Scaled(1_000_000, 1_500)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		args := []string{"--spares", "8:8"}
		if mode == "pool" {
			args = []string{"--workers", "2"}
		}
		for range 4 { // so that no pair of addresses runs out of ports
			args = append(args, harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) { c.Write([]byte{'.'}) }).Addr())
		}
		p := harness.Start(t, mode, args...)
		until := time.Now().Add(leakFor)
		done, all := 0, []usage{usageOf(p, 0)}
		for _, percent := range []int{10, 50, 100} {
			done += connectMany(t, p, n*percent/100-done, until)
			all = append(all, usageOf(p, done))
			if done < n*percent/100 {
				t.Logf("only %d of %d connections in %v", done, n, leakFor)
				break
			}
		}
		for _, u := range all {
			t.Logf("%v", u)
		}
		for _, fault := range all[len(all)-1].beyond(all[1]) {
			t.Error(fault)
		}
		if lines := countLines(t, p.Sessions); lines != done {
			t.Errorf("%d session lines of %d connections", lines, done)
		}
	})
}

// connectMany opens n connections, a few at a time, and waits for each until
// the target has ended it. It stops at the time until, and returns the number
// of connections.
func connectMany(t *testing.T, p *harness.Plug, n int, until time.Time) int {
	t.Helper()
	var begun, made atomic.Int64
	errs := make(chan error, leakClients)
	for i := range leakClients {
		go func() {
			source := fmt.Sprintf("127.0.2.%d", 1+i)
			for begun.Add(1) <= int64(n) && time.Now().Before(until) {
				if err := connectOnce(source, p.Addr()); err != nil {
					errs <- err
					return
				}
				made.Add(1)
			}
			errs <- nil
		}()
	}
	for range leakClients {
		if err := <-errs; err != nil {
			t.Fatalf("after %d connections: %v", made.Load(), err)
		}
	}
	return int(made.Load())
}

func connectOnce(source, to string) error {
	c, err := harness.DialFrom(source, to)
	if err != nil {
		return err
	}
	defer c.Close()
	b := make([]byte, 2)
	if n, err := io.ReadFull(c, b); n != 1 || err != io.ErrUnexpectedEOF {
		return fmt.Errorf("%d bytes, then %w", n, err)
	}
	return nil
}

// usage is what a plug's processes use when no session is left.
type usage struct {
	connections int
	master      holdings
	workers     []holdings
	listed      int // lines of the pidfile
	shown       int // titles that show a session
	zombies     int
}

// holdings are what one process uses.
type holdings struct {
	fds, threads, watched int // watched: entries of its epoll sets
	rings                 int // instances of io_uring, which are not in fds
	rss, pss              int // KiB
}

// most is the maximum of each value over several processes.
func most(all []holdings) (m holdings) {
	for _, h := range all {
		m = holdings{max(m.fds, h.fds), max(m.threads, h.threads), max(m.watched, h.watched), max(m.rings, h.rings), max(m.rss, h.rss), max(m.pss, h.pss)}
	}
	return m
}

func (u usage) String() string {
	w := most(u.workers)
	return fmt.Sprintf("after %7d: master fds %d, threads %d, epoll %d, RSS %d KiB, PSS %d KiB; %d workers, at most fds %d, rings %d, threads %d, epoll %d, RSS %d KiB, PSS %d KiB; pidfile lines %d, busy titles %d, zombies %d",
		u.connections, u.master.fds, u.master.threads, u.master.watched, u.master.rss, u.master.pss,
		len(u.workers), w.fds, w.rings, w.threads, w.watched, w.rss, w.pss, u.listed, u.shown, u.zombies)
}

// Allowed changes of a process's memory, in KiB: garbage is collected only
// when there is enough of it.
const (
	masterMemory = 6 << 10
	workerMemory = 2 << 10
)

// beyond says what has grown since an earlier measurement. The master has a
// pidfd and a lifeline for each worker, and watches the pidfd.
func (u usage) beyond(early usage) (faults []string) {
	grown := func(what string, was, is, by int) {
		if is > was+by {
			faults = append(faults, fmt.Sprintf("%s: %d after %d connections, %d after %d", what, was, early.connections, is, u.connections))
		}
	}
	grown("the master's descriptors beyond its workers'", early.master.fds-2*len(early.workers), u.master.fds-2*len(u.workers), 0)
	// One more is the listener, which it watches when no spare is waiting on
	// it.
	grown("the master's epoll entries beyond its workers'", early.master.watched-len(early.workers), u.master.watched-len(u.workers), 1)
	grown("the master's threads", early.master.threads, u.master.threads, 2)
	grown("the master's RSS", early.master.rss, u.master.rss, masterMemory)
	grown("the master's PSS", early.master.pss, u.master.pss, masterMemory)
	was, is := most(early.workers), most(u.workers)
	grown("a worker's descriptors", was.fds, is.fds, 0)
	grown("a worker's rings", 1, is.rings, 0) // opened when it first has enough to send at once
	grown("a worker's epoll entries", was.watched, is.watched, 0)
	grown("a worker's threads", was.threads, is.threads, 1)
	if !harness.IsPortable() || harness.Soak() { // it leaves garbage, which is not collected before there are some MiB of it
		grown("a worker's RSS", was.rss, is.rss, workerMemory)
		grown("a worker's PSS", was.pss, is.pss, workerMemory)
	}
	grown("processes", 0, len(u.workers), 4*leakClients) // those that had a session, and spares
	grown("lines of the pidfile", early.listed, u.listed, 0)
	grown("titles of sessions", 0, u.shown, 0)
	grown("zombies", 0, u.zombies, 0)
	return faults
}

// usageOf waits until nothing is in progress, and measures every process.
func usageOf(p *harness.Plug, connections int) (u usage) {
	p.T.Helper()
	idle := fmt.Sprintf("plug: master %d (0 sessions)", p.Port)
	harness.Await(p.T, "an idle plug", 20*time.Second, func() bool {
		workers := p.Workers()
		pids := p.PIDs()
		starting := slices.ContainsFunc(workers, func(w harness.Process) bool { return strings.HasPrefix(w.Title, "plug: worker") })
		return harness.Title(p.Master) == idle && !starting && (p.Mode == "pool" || len(pids) == 1) &&
			len(harness.Zombies(p.Master, p.Cmd.Process.Pid)) == 0 && fmt.Sprint(workers) == fmt.Sprint(p.Workers())
	})
	u = usage{connections: connections, master: held(p.T, p.Master), listed: len(p.PIDs()), zombies: len(harness.Zombies(p.Master, p.Cmd.Process.Pid))}
	for _, w := range p.Workers() {
		u.workers = append(u.workers, held(p.T, w.PID))
		if strings.Contains(w.Title, " > ") {
			u.shown++
		}
	}
	return u
}

func held(t testing.TB, pid int) (h holdings) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", pid)
	for fd, is := range harness.Descriptors(pid) {
		if is == "anon_inode:[io_uring]" {
			h.rings++
			continue
		}
		h.fds++
		if is == "anon_inode:[eventpoll]" {
			h.watched += strings.Count(harness.ReadString(dir+"fdinfo/"+strconv.Itoa(fd)), "tfd:")
		}
	}
	h.threads = len(harness.Tasks(pid))
	h.rss = harness.RSS(pid) >> 10
	for line := range strings.Lines(harness.ReadString(dir + "smaps_rollup")) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
			h.pss, _ = strconv.Atoi(f[1])
		}
	}
	return h
}

// countLines reads a file of any size.
func countLines(t *testing.T, path string) (n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 1<<20); ; {
		m, err := f.Read(b)
		n += bytes.Count(b[:m], []byte{'\n'})
		if err == io.EOF {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
