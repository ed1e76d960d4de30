// Tests of disks that are full, hang or are truncated under the plug.

package test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// -S - into a file that another process empties, like copytruncate: no NULs
// remain before the next line.
func TestStdoutFileIsAppended(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := prepare(t, mode, "-n", "-S", "-", serve(t, anywhere, echo).addr())
		out, err := os.OpenFile(p.stdout, os.O_CREATE|os.O_WRONLY, 0o644) // like a shell's >
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		p.launch(func(c *exec.Cmd) { c.Stdout = out })
		await(t, "the plug to serve", serveBound, p.serves)
		p.sessions = p.stdout
		for range 3 {
			cycle(t, p)
		}
		p.lines(3)
		if err := os.Truncate(p.stdout, 0); err != nil {
			t.Fatal(err)
		}
		cycle(t, p)
		p.lines(1)
		if text := readString(p.stdout); strings.Contains(text, "\x00") {
			t.Errorf("NULs: %q", text)
		}
	})
}

// Ended sessions whose lines wait for a full disk are not listed, not ended by
// kill, and not missing from the counters.
func TestEndedSessionsOfFullDisk(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, withControl("-S", "/dev/full", serve(t, anywhere, echo).addr())...)
		held := heldBy(t, p)
		const n = 5
		for range n {
			cycle(t, p)
		}
		await(t, "the sessions to be counted", normalWait, func() bool {
			m := p.ctlJSON("status").Status
			return m.Accepted == n+1 && m.Sessions == 1
		})
		if all := p.ctlJSON("sessions").Sessions; len(all) != 1 {
			t.Errorf("listed: %+v", all)
		}
		if ended := p.asks("metrics", nil).Metrics.Ended.of("complete"); ended != n {
			t.Errorf("%d sessions are counted as complete, not %d", ended, n)
		}
		if err := held(); err != nil {
			t.Error(err)
		}
	})
}

// A disk that hangs, such as a network disk without a network, delays neither
// sessions nor signals, although the session file and the pidfile are on it.
// When it is back, every line is there.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		disk := mountFuse(t)
		target := serve(t, anywhere, echo).addr()
		p := prepare(t, mode, withControl("-P", disk.dir+"/pid", "-S", disk.dir+"/sessions", target)...)
		p.pidfile, p.sessions = disk.dir+"/pid", disk.dir+"/sessions"
		p.detach()
		held := heldBy(t, p)
		lines := func() int { return strings.Count(disk.content("sessions"), "\n") }
		cycle(t, p)
		await(t, "the first line", normalWait, func() bool { return lines() == 1 })
		back := make(chan struct{})
		disk.away.Lock()
		t.Cleanup(func() {
			select {
			case <-back:
			default:
				disk.away.Unlock()
			}
		})
		goesOn(t, p, held)
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
			p.signal(s)
		}
		goesOn(t, p, held)
		p.syslog.await(t, ".*session file .*/sessions: the file system does not respond")
		close(back)
		disk.away.Unlock()
		await(t, "the lines of the time when the disk was away", longWait, func() bool { return lines() == 41 })
		disk.away.Lock()
		endsByTerm(t, p)
		disk.away.Unlock()
		if err := held(); err != nil {
			t.Errorf("the held session: %v", err)
		}

		disk.away.Lock()
		q := prepare(t, mode, "-S", disk.dir+"/other", target)
		q.daemon = true
		q.launch()
		if code := q.wait(10 * time.Second); code != 4 || !strings.Contains(q.errors(), "the file system does not respond") {
			t.Errorf("exit %d: %q", code, q.errors())
		}
		disk.away.Unlock()
	})
}

// If lines wait when the plug is told to stop, the master tries for one more
// second, and a worker without a master for some seconds after its last
// session.
func TestWaitingLinesAtTheEnd(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		r, w := stuckPipe(t)
		p := prepare(t, mode, withControl("-n", "-S", "-", serve(t, anywhere, echo).addr())...)
		p.launch(func(c *exec.Cmd) { c.Stdout = w })
		await(t, "the plug to serve", serveBound, p.serves)
		held := hold(t, p, 1)[0]
		const n = 3
		for range n {
			cycle(t, p)
		}
		await(t, "the sessions to be counted", normalWait, func() bool { return p.ctlJSON("status").Status.Sessions == 1 })
		p.signal(syscall.SIGTERM)
		var text strings.Builder
		lines := func() int {
			buffer := make([]byte, 1<<16)
			for {
				r.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
				n, err := r.Read(buffer)
				text.Write(buffer[:n])
				if err != nil {
					return strings.Count(text.String(), "plug[")
				}
			}
		}
		await(t, "the lines that waited", 8*time.Second, func() bool { return lines() == n })
		p.wait(5 * time.Second)
		fill(t, int(w.Fd()))
		if err := finish(held); err != nil {
			t.Error(err)
		}
		for range 20 { // it tries again and does not end
			if len(p.procs()) == 0 {
				t.Fatal("the worker has ended with an unwritten line")
			}
			passed(50 * time.Millisecond)
		}
		await(t, "the line of the last session", normalWait, func() bool { return lines() == n+1 })
		p.gone(5 * time.Second)
	})
}
