// Tests of sessions that do nothing, in every state.

package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// stance is a way in which both peers of a session may do nothing forever. The
// client sends its letter first, so that the target knows its part.
type stance struct {
	letter byte
	what   string
	client func(*net.TCPConn) error
	target func(*net.TCPConn)
}

var stances = []stance{
	{'i', "both wait", nil, nil},
	{'w', "a target that reads nothing, a client that can't write any more", cram, nil},
	{'r', "a client that reads nothing, a target that can't write any more", nil,
		func(c *net.TCPConn) { cram(c) }},
	{'b', "neither reads, and neither can write", cram, func(c *net.TCPConn) { cram(c) }},
	{'c', "the client has half-closed", (*net.TCPConn).CloseWrite, nil},
	{'t', "the target has half-closed", nil, func(c *net.TCPConn) { c.CloseWrite() }},
	{'e', "the client has sent much and ended, the target reads nothing", crampedEnd, nil},
	{'E', "the target has sent much and ended, the client reads nothing", nil,
		func(c *net.TCPConn) { crampedEnd(c) }},
}

// cram writes until nothing moves any more. The buffers at the ends are small,
// so the plug holds the data in between.
func cram(c *net.TCPConn) error {
	piece := make([]byte, 32<<10)
	for {
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := c.Write(piece); errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func crampedEnd(c *net.TCPConn) error {
	if err := cram(c); err != nil {
		return err
	}
	return c.CloseWrite()
}

// narrow makes a socket's buffers small, but not so small that
// acknowledgements limit the rate.
func narrow(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 64<<10)
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 64<<10)
	})
}

// dialNarrow connects with small buffers, until the test ends.
func dialNarrow(t testing.TB, to string) *net.TCPConn {
	t.Helper()
	d := net.Dialer{Control: narrow, Timeout: harness.TalkBound}
	c, err := d.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// posture is the target of all stances; a client without a letter has none.
func posture(c *net.TCPConn) {
	c.SetReadBuffer(64 << 10)
	c.SetWriteBuffer(64 << 10)
	letter := make([]byte, 1)
	if _, err := io.ReadFull(c, letter); err != nil {
		return
	}
	for _, s := range stances {
		if s.letter == letter[0] && s.target != nil {
			s.target(c)
		}
	}
	select {} // closing the backend closes the connection
}

// Idle sessions cost nothing, in any state; the memory for each is limited;
// and all other sessions are served as if they did not exist.
func TestHostileIdle(t *testing.T) {
	if !harness.SmallBuffers(t) {
		return
	}
	each := 100 // sessions per stance
	if !harness.Soak() {
		each = 5
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		b := harness.Serve(t, harness.Anywhere, posture)
		many := fmt.Sprint(12*each + 40)
		args := []string{"--max-workers", many, "--connect-timeout", "60s"}
		if mode == "pool" {
			args = []string{"--workers", "2", "--connect-timeout", "60s"}
		}
		p := harness.Start(t, mode, append(args, b.Addr())...)
		other := harness.Start(t, mode, append(harness.TightArgs(mode), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		mute := harness.Start(t, mode, append(args, "-h", harness.Serve(t, harness.Anywhere, posture).Addr(), "192.0.2.1:9")...)
		far := harness.Start(t, mode, append(args, harness.ListenSilent(t).Addr())...)
		base := memory(t, p)

		n, of := beginIdle(t, each, p, mute, far)
		if mode != "pool" {
			p.Carriers((len(stances) + 1) * each)
			mute.Carriers(each)
			far.Carriers(2 * each)
		}
		harness.Await(t, "the targets to have done their parts", harness.TalkBound, func() bool { return quiet(p, mute, far) })

		if mode == "pool" {
			most, sessions := memory(t, p), (len(stances)+1)*each
			t.Logf("%d sessions: the larger pool worker grew from %d KiB to %d", sessions, base>>10, most>>10)
			if most > base+4<<20+kept*sessions {
				t.Errorf("that is more than %d KiB a session", kept>>10)
			}
		}
		costNothing(t, n, other, p, mute, far)
		for q, sessions := range of { // most of these would last forever
			q.Signal(syscall.SIGINT)
			q.Gone(10 * time.Second)
			q.Lines(sessions)
		}
	})
}

// beginIdle begins sessions of every kind with three plugs, and returns how many
// there are when all clients have done their parts.
func beginIdle(t *testing.T, each int, p, mute, far *harness.Plug) (n int, of map[*harness.Plug]int) {
	t.Helper()
	done := make(chan error)
	of = map[*harness.Plug]int{}
	begin := func(p *harness.Plug, act func(c *net.TCPConn) error) {
		c := dialNarrow(t, p.Addr())
		n++
		of[p]++
		go func() { done <- act(c) }()
	}
	for range each {
		for _, s := range stances {
			begin(p, func(c *net.TCPConn) error {
				c.SetDeadline(time.Now().Add(harness.TalkBound))
				if _, err := c.Write([]byte{s.letter}); err != nil || s.client == nil {
					return err
				}
				return s.client(c)
			})
		}
		begin(p, func(*net.TCPConn) error { return nil })    // a client that never sends
		begin(mute, func(*net.TCPConn) error { return nil }) // a proxy that never replies
		begin(far, func(*net.TCPConn) error { return nil })  // a target that never accepts
		begin(far, (*net.TCPConn).CloseWrite)                // and a client that has already finished
	}
	for range n {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	return n, of
}

// costNothing checks that the plugs with n idle sessions use no CPU, and that
// another plug's clients do not wait.
func costNothing(t *testing.T, n int, other *harness.Plug, idle ...*harness.Plug) {
	t.Helper()
	var used, master time.Duration
	const window = time.Second
	var procs [][]harness.Process
	isMaster := map[int]bool{}
	for _, p := range idle {
		procs = append(procs, p.Procs())
		isMaster[p.Master] = true
	}
	before, began := cpus(procs), time.Now()
	slowest := slowestOf(t, other, window)
	took := time.Since(began)
	for pid, now := range cpus(procs) {
		if d := now - before[pid]; isMaster[pid] {
			master += d
		} else {
			used += d
			if d > took/50 {
				t.Errorf("%v of CPU in %v: %q", d, took, harness.Title(pid))
			}
		}
	}
	t.Logf("%d idle sessions: workers use %v in %v, masters %v; another client waits %v at most", n, used, took, master, slowest)
	if used > took/50 {
		t.Errorf("%d sessions that do nothing use %v of CPU in %v", n, used, took)
	}
	if slowest > 250*time.Millisecond {
		t.Errorf("another client waited %v", slowest)
	}
}

// kept is the memory that one session may have in a worker: the unsent data
// for a slow receiver, in each direction.
const kept = 2 * 64 << 10

// quiet reports whether the plugs' workers are idle for a short time.
func quiet(plugs ...*harness.Plug) bool {
	var procs [][]harness.Process
	for _, p := range plugs {
		procs = append(procs, p.Workers())
	}
	sum := func() (all time.Duration) {
		for _, d := range cpus(procs) {
			all += d
		}
		return all
	}
	before := sum()
	harness.Passed(300 * time.Millisecond)
	return sum()-before < 10*time.Millisecond
}

func cpus(procs [][]harness.Process) map[int]time.Duration {
	used := map[int]time.Duration{}
	for _, some := range procs {
		for _, q := range some {
			used[q.PID] = harness.CPU(q.PID)
		}
	}
	return used
}

// slowestOf runs short sessions for a while and returns the longest time that
// one took.
func slowestOf(t *testing.T, p *harness.Plug, d time.Duration) (slowest time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); harness.Passed(20 * time.Millisecond) {
		began := time.Now()
		harness.ShortSession(t, p)
		slowest = max(slowest, time.Since(began))
	}
	return slowest
}
