// Tests of the shepherd during upgrades: successors, failures, signals in
// between.

package shepherd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// replacing returns a shepherd whose master serves, and a successor of that
// master.
func replacing(t *testing.T, script, next string) (f *scripted, other int) {
	t.Helper()
	f = newRunning(t, script)
	f.says(served, f.pid)
	other = child(t, next)
	f.says(successor, other)
	return f, other
}

// When the new master has taken over, the old one ends, and the service
// continues.
func TestTakeover(t *testing.T) {
	for _, first := range []string{"its message", "the old one's end"} {
		f, other := replacing(t, "exec sleep 60", "trap 'exit 6' USR1; while :; do sleep 0.01; done")
		if first == "its message" {
			f.says(replaced, other)
			unix.Kill(f.pid, unix.SIGKILL)
		} else {
			unix.Kill(f.pid, unix.SIGKILL)
			f.goesOn()
			f.says(replaced, other)
		}
		until(t, "the old master is reaped", func() bool { return unix.Kill(f.pid, 0) == unix.ESRCH })
		f.goesOn()
		f.signals <- syscall.SIGTERM
		if got := f.ends(); got != 128+15 {
			t.Errorf("%s first: status %d", first, got)
		}
	}
}

// A successor that fails changes nothing, whether it reports it or not.
func TestFailedTakeover(t *testing.T) {
	for _, how := range []string{"it ends", "the master says so"} {
		f, other := replacing(t, "exec sleep 60", "exec sleep 60")
		if how == "it ends" {
			unix.Kill(other, unix.SIGKILL)
			until(t, "it is reaped", func() bool { return unix.Kill(other, 0) == unix.ESRCH })
		} else {
			f.says(failed, f.pid)
		}
		f.goesOn()
		f.signals <- syscall.SIGUSR2 // for the old one
		if got := f.ends(); got != 128+12 {
			t.Errorf("%s: status %d", how, got)
		}
	}
}

// If both end, the service's status is that of the master that served last.
func TestBothEnd(t *testing.T) {
	f, other := replacing(t, "exec sleep 60", "exec sleep 60")
	unix.Kill(f.pid, unix.SIGKILL)
	f.goesOn()
	unix.Kill(other, unix.SIGTERM)
	if got := f.ends(); got != 128+9 {
		t.Errorf("status %d, want the old master's", got)
	}
}

// A signal that comes after the old master's end, but before the new one's
// message has been read, goes to the new one.
func TestSignalBetweenMasters(t *testing.T) {
	f, other := replacing(t, "exec sleep 60", "exec sleep 60")
	unix.Kill(f.pid, unix.SIGKILL)
	until(t, "the old master is reaped", func() bool { return unix.Kill(f.pid, 0) == unix.ESRCH })
	f.signals <- syscall.SIGUSR2
	f.goesOn() // the shepherd has it now
	f.says(replaced, other)
	if got := f.ends(); got != 128+12 {
		t.Errorf("status %d, want that of USR2", got)
	}
}

// Messages that were sent before a signal are handled before it, however late
// the shepherd runs: the new master gets the signal, not the old one, which is
// ending, and the old one's end is not the service's end.
func TestMessagesComeFirst(t *testing.T) {
	for range 10 { // to try both orders
		place := t.TempDir()
		f := newScripted(t, "exec sleep 60")
		other := child(t, "trap 'exit 3' USR2; >'"+place+"/traps'; while :; do sleep 0.01; done")
		if !appears(place, "traps") {
			t.Fatal("a script did not come so far")
		}
		f.says(served, f.pid)
		f.says(successor, other)
		f.says(replaced, other)
		f.signals <- syscall.SIGUSR2
		f.start()
		until(t, "the new master has ended", func() bool { return unix.Kill(other, 0) == unix.ESRCH })
		unix.Kill(f.pid, unix.SIGKILL)
		if got := f.ends(); got != 3 {
			t.Fatalf("status %d, want the new master's", got)
		}
	}
}

// If an old master ends while the shepherd handles other events, it has
// reported before that what replaces it.
func TestLastMessagesComeFirst(t *testing.T) {
	f := newScripted(t, "exec sleep 60")
	other := child(t, "exec sleep 60")
	f.says(served, f.pid)
	f.says(successor, other)
	f.says(replaced, other)
	if status, over := f.shepherd.ended(f.pid, 0); over {
		t.Fatalf("it is over with status %d", status)
	}
	if status, over := f.shepherd.ended(other, 5); !over || status != 5 {
		t.Errorf("at the new one's end: over %v, status %d", over, status)
	}
}

// trapping returns a shepherd whose master ignores all relayed signals, and a
// successor with these traps, whose output goes to a file.
func trapping(t *testing.T, traps string) (f *scripted, other int, out string) {
	t.Helper()
	place := t.TempDir()
	out = filepath.Join(place, "out")
	f, other = replacing(t, "trap '' TERM INT QUIT HUP USR1 USR2 TTOU TTIN; >'"+place+"/ignores'; exec sleep 60",
		traps+"; exec >'"+out+"'; while :; do sleep 0.01; done")
	for _, name := range []string{"ignores", "out"} {
		if !appears(place, name) {
			t.Fatalf("a script did not come so far: no %s", name)
		}
	}
	return f, other, out
}

// A master that is ending may not see a relayed signal any more: then its
// successor gets it, except for an upgrade, which has happened.
func TestSignalIsNotLost(t *testing.T) {
	for _, s := range relayed {
		t.Run(s.(syscall.Signal).String(), func(t *testing.T) {
			f, other, _ := trapping(t, "trap 'exit 3' TERM INT QUIT HUP USR1 TTOU TTIN; trap 'exit 4' USR2")
			f.signals <- s
			f.goesOn()
			if err := unix.Kill(other, 0); err != nil {
				t.Fatalf("the successor was told before it was the master: %v", err)
			}
			f.says(replaced, other)
			if s == syscall.SIGUSR2 {
				f.goesOn()
				f.signals <- syscall.SIGHUP
			}
			unix.Kill(f.pid, unix.SIGKILL)
			if got := f.ends(); got != 3 {
				t.Errorf("status %d, want that of %v", got, s)
			}
		})
	}
}

// A new master gets its signals all at once, without an order; so of a pause
// before the old one's end and a resume after it, only the resume is passed
// on.
func TestLastOfPauseAndResume(t *testing.T) {
	f, other, out := trapping(t, "trap 'echo pause' TTOU; trap 'echo resume' TTIN")
	f.signals <- syscall.SIGTTOU
	f.goesOn()
	unix.Kill(f.pid, unix.SIGKILL)
	until(t, "the old master is reaped", func() bool { return unix.Kill(f.pid, 0) == unix.ESRCH })
	f.signals <- syscall.SIGTTIN
	f.goesOn()
	f.says(replaced, other)
	var told []byte
	until(t, "the new master is told", func() bool {
		told, _ = os.ReadFile(out)
		return len(told) > 0
	})
	f.goesOn()
	if told, _ = os.ReadFile(out); string(told) != "resume\n" {
		t.Errorf("the new master was told %q", told)
	}
	f.signals <- syscall.SIGTERM
	f.ends()
}

func TestKeep(t *testing.T) {
	for _, c := range [][2][]os.Signal{
		{{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGHUP}, {syscall.SIGHUP, syscall.SIGTERM, syscall.SIGHUP}},
		{{syscall.SIGTTOU, syscall.SIGHUP, syscall.SIGTTIN}, {syscall.SIGHUP, syscall.SIGTTIN}},
		{{syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGTERM}, {syscall.SIGTTOU, syscall.SIGTERM}},
	} {
		var kept []os.Signal
		for _, s := range c[0] {
			kept = Keep(kept, s)
		}
		if !slices.Equal(kept, c[1]) {
			t.Errorf("of %v are kept %v, want %v", c[0], kept, c[1])
		}
	}
}

// Signals that come in between go to the old master first.
func TestSignalsFollowTheMaster(t *testing.T) {
	f, other := replacing(t, "exec sleep 60", "exec sleep 60")
	f.signals <- syscall.SIGUSR1
	until(t, "the old master dies of it", func() bool { return unix.Kill(f.pid, 0) == unix.ESRCH })
	if err := unix.Kill(other, 0); err != nil {
		t.Fatalf("the successor died of it: %v", err)
	}
	f.says(replaced, other)
	if got := f.ends(); got != 128+10 {
		t.Errorf("status %d", got)
	}
}

// A successor may die just after it has taken over, and its message may come
// after the news of its end. The service ends with the old master, with the
// new one's status.
func TestSuccessorsMessageIsLate(t *testing.T) {
	f, other := replacing(t, "exec sleep 60", "exec sleep 60")
	unix.Kill(other, unix.SIGTERM)
	until(t, "it is reaped", func() bool { return unix.Kill(other, 0) == unix.ESRCH })
	f.says(replaced, other)
	f.goesOn()
	unix.Kill(f.pid, unix.SIGKILL)
	if got := f.ends(); got != 128+15 {
		t.Errorf("status %d, want the successor's", got)
	}
}

// A new master may die before the old one knows that it took over: then the
// old one continues to serve, and reports that.
func TestNewMasterDiesEarly(t *testing.T) {
	for _, then := range []string{"the old one serves on", "the old one ends"} {
		f, other := replacing(t, "exec sleep 60", "exec sleep 60")
		f.says(replaced, other)
		unix.Kill(other, unix.SIGTERM)
		until(t, "it is reaped", func() bool { return unix.Kill(other, 0) == unix.ESRCH })
		f.goesOn()
		want := 128 + 15
		if then == "the old one serves on" {
			f.says(failed, f.pid)
			want = 128 + 9
		}
		unix.Kill(f.pid, unix.SIGKILL)
		if got := f.ends(); got != want {
			t.Errorf("%s: status %d, want %d", then, got, want)
		}
	}
}

// A new master is the old one's child, which may reap it before it ends
// itself: then the shepherd sees only one death, and relies on the message.
func TestNewMasterReapedByTheOld(t *testing.T) {
	for _, said := range []bool{true, false} {
		path := t.TempDir() + "/pid"
		f := newRunning(t, "sleep 60 & echo $! >"+path+".new; mv "+path+".new "+path+"; wait; exec sleep 60")
		f.says(served, f.pid)
		other := 0
		until(t, "the new one's PID", func() bool {
			text, _ := os.ReadFile(path)
			other, _ = strconv.Atoi(strings.TrimSpace(string(text)))
			return other > 0
		})
		f.says(successor, other)
		f.says(replaced, other)
		f.goesOn()
		want := statusLost
		if said {
			want = 6
			fmt.Fprintf(f.said, "%s %d %d\n", ended, other, want)
		}
		unix.Kill(other, unix.SIGKILL)
		until(t, "the old one has reaped it", func() bool { return unix.Kill(other, 0) == unix.ESRCH })
		unix.Kill(f.pid, unix.SIGKILL)
		if got := f.ends(); got != want {
			t.Errorf("said %v: status %d, want %d", said, got, want)
		}
	}
}
