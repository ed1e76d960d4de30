// Tests of disks that are full, hang or are truncated under the plug.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// -S - into a file that another process empties, like copytruncate: no NULs
// remain before the next line.
func TestStdoutFileIsAppended(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Prepare(t, mode, "-n", "-S", "-", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		out, err := os.OpenFile(p.Stdout, os.O_CREATE|os.O_WRONLY, 0o644) // like a shell's >
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		p.Launch(func(c *exec.Cmd) { c.Stdout = out })
		harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
		p.Sessions = p.Stdout
		for range 3 {
			harness.ShortSession(t, p)
		}
		p.Lines(3)
		if err := os.Truncate(p.Stdout, 0); err != nil {
			t.Fatal(err)
		}
		harness.ShortSession(t, p)
		p.Lines(1)
		if text := harness.ReadString(p.Stdout); strings.Contains(text, "\x00") {
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
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.WithControl("-S", "/dev/full", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.HeldBy(t, p)
		const n = 5
		for range n {
			harness.ShortSession(t, p)
		}
		harness.Await(t, "the sessions to be counted", harness.NormalWait, func() bool {
			m := p.CtlJSON("status").Status
			return m.Accepted == n+1 && m.Sessions == 1
		})
		if all := p.CtlJSON("sessions").Sessions; len(all) != 1 {
			t.Errorf("listed: %+v", all)
		}
		if ended := p.Asks("metrics", nil).Metrics.Ended.Of("complete"); ended != n {
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
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		disk := harness.MountFuse(t)
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.Prepare(t, mode, harness.WithControl("-P", disk.Dir+"/pid", "-S", disk.Dir+"/sessions", target)...)
		p.Pidfile, p.Sessions = disk.Dir+"/pid", disk.Dir+"/sessions"
		p.Detach()
		held := harness.HeldBy(t, p)
		lines := func() int { return strings.Count(disk.Content("sessions"), "\n") }
		harness.ShortSession(t, p)
		harness.Await(t, "the first line", harness.NormalWait, func() bool { return lines() == 1 })
		disk.Leave()
		t.Cleanup(disk.Return)
		harness.GoesOn(t, p, held)
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
			p.Signal(s)
		}
		harness.GoesOn(t, p, held)
		p.Syslog.Await(t, ".*session file .*/sessions: the file system does not respond")
		disk.Return()
		harness.Await(t, "the lines of the time when the disk was away", harness.LongWait, func() bool { return lines() == 41 })
		disk.Leave()
		harness.EndsByTerm(t, p)
		disk.Return()
		if err := held(); err != nil {
			t.Errorf("the held session: %v", err)
		}

		disk.Leave()
		q := harness.Prepare(t, mode, "-S", disk.Dir+"/other", target)
		q.Daemon = true
		q.Launch()
		if code := q.Wait(10 * time.Second); code != 4 || !strings.Contains(q.Errors(), "the file system does not respond") {
			t.Errorf("exit %d: %q", code, q.Errors())
		}
		disk.Return()
	})
}

// A close(2) of a file may wait for its disk, and no signal ends that wait. So the master
// has no file on such a disk open: a reopening succeeds, and TERM ends it, although the disk
// answers neither the scribe's write nor a close.
func TestHangingWrite(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		disk := harness.MountFlushingFuse(t)
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.Prepare(t, mode, harness.WithControl("-S", disk.Dir+"/sessions", target)...)
		p.Detach()
		held := harness.HeldBy(t, p)
		disk.HoldWrites("sessions")
		t.Cleanup(disk.ReleaseWrites)
		harness.ShortSession(t, p)
		harness.Await(t, "a write that waits", harness.NormalWait, func() bool { return disk.Held() > 0 })
		for range 3 {
			p.Asks("reopen", nil)
		}
		harness.GoesOn(t, p, held)
		harness.EndsByTerm(t, p)
		disk.ReleaseWrites()
		harness.Await(t, "the lines", harness.LongWait, func() bool { return strings.Count(disk.Content("sessions"), "\n") == 21 })
		if err := held(); err != nil {
			t.Errorf("the held session: %v", err)
		}
	})
}

// The main thread of a master never waits for a disk: Linux gives it the process's signals,
// and TERM would wait as long.
func TestMainThreadWaitsForNoDisk(t *testing.T) {
	t.Parallel()
	disk := harness.MountFuse(t)
	p := harness.Prepare(t, "pool", harness.WithControl("-S", disk.Dir+"/sessions", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Detach()
	main := fmt.Sprint(p.Master)
	waiting := func() []string { return harness.ThreadsWaiting(p.Master) }
	for range 60 {
		p.Asks("reopen", nil) // afterwards none is in progress
		disk.Leave()
		p.Signal(syscall.SIGUSR1)
		harness.Await(t, "a thread that waits for the disk", harness.NormalWait, func() bool { return len(waiting()) > 0 })
		stuck := slices.Contains(waiting(), main)
		disk.Return()
		if stuck {
			t.Fatal("the main thread waits for the disk")
		}
	}
}

// If lines wait when the plug is told to stop, the master tries for one more
// second, and a worker without a master for some seconds after its last
// session.
func TestWaitingLinesAtTheEnd(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		r, w := harness.StuckPipe(t)
		p := harness.Prepare(t, mode, harness.WithControl("-n", "-S", "-", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Launch(func(c *exec.Cmd) { c.Stdout = w })
		harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
		held := harness.Hold(t, p, 1)[0]
		const n = 3
		for range n {
			harness.ShortSession(t, p)
		}
		harness.Await(t, "the sessions to be counted", harness.NormalWait, func() bool { return p.CtlJSON("status").Status.Sessions == 1 })
		p.Signal(syscall.SIGTERM)
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
		harness.Await(t, "the lines that waited", 8*time.Second, func() bool { return lines() == n })
		p.Wait(5 * time.Second)
		harness.Fill(t, int(w.Fd()))
		if err := harness.Finish(held); err != nil {
			t.Error(err)
		}
		for range 20 { // it tries again and does not end
			if len(p.Procs()) == 0 {
				t.Fatal("the worker has ended with an unwritten line")
			}
			harness.Passed(50 * time.Millisecond)
		}
		harness.Await(t, "the line of the last session", harness.NormalWait, func() bool { return lines() == n+1 })
		p.Gone(5 * time.Second)
	})
}
