// Tests of the watcher with real processes and pipes: doorbells before deaths,
// each only once, and nothing after a pipe's end.

package watch

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/await"
	"daemon/plug/worker/report"
)

// watching returns a watcher with one report pipe, and that pipe's write end.
func watching(t *testing.T) (w *Watcher, bell int) {
	t.Helper()
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := host.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	if err := w.Pipe(1, pipe[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		unix.Close(pipe[0])
		unix.Close(pipe[1])
	})
	return w, pipe[1]
}

// startChild starts a program and returns its pidfd as well.
func startChild(t testing.TB, program string, args ...string) (pid, pidfd int) {
	t.Helper()
	return startChildWith(t, []uintptr{0, 1, 2}, program, args...)
}

func startChildWith(t testing.TB, files []uintptr, program string, args ...string) (pid, pidfd int) {
	t.Helper()
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: files, Sys: &syscall.SysProcAttr{}}
	WantPidfd(attr.Sys)
	pid, err := syscall.ForkExec("/bin/"+program, append([]string{program}, args...), attr)
	if err != nil {
		t.Fatal(err)
	}
	return pid, GotPidfd(attr.Sys, pid)
}

// next returns the next batch; there must be one.
func (w *Watcher) next(t *testing.T) Events {
	t.Helper()
	select {
	case s := <-w.Seen:
		return s
	case <-time.After(await.Patience):
		t.Fatal("nothing was seen")
		return Events{}
	}
}

// A doorbell that a worker sent before it died is reported no later than its
// death.
func TestBellsBeforeDeaths(t *testing.T) {
	const rings, printf = 3, `printf '\001\001\000\000AAAA\001\000\000\000\000\000\000\000' >&3`
	w, bell := watching(t)
	w.Start()
	for id := uint64(1); id <= 30; id++ {
		pid, pidfd := startChildWith(t, []uintptr{0, 1, 2, uintptr(bell)}, "sh", "-c", printf+";"+printf+";"+printf+"; exit 7")
		if err := w.Child(id, pid, pidfd); err != nil {
			t.Fatal(err)
		}
		heard := 0
		for dead := false; !dead; {
			s := w.next(t)
			for _, r := range s.Bells {
				if r.Kind == report.Ready && r.PID == 0x41414141 {
					heard++
				}
			}
			for _, who := range s.Dead {
				if who != id {
					t.Fatalf("%d died, %d was expected", who, id)
				}
				dead = true
			}
			if s.Garbled != 0 {
				t.Fatalf("%d bytes garbled", s.Garbled)
			}
			w.Spent(s)
		}
		if heard != rings {
			t.Fatalf("worker %d: %d doorbells heard when its death was seen, want %d", id, heard, rings)
		}
		if s := w.Status(pidfd); s.Exit != 7 {
			t.Fatalf("worker %d: %+v", id, s)
		}
		w.Reap(pidfd)
	}
}

// A death is reported once, even if the worker died before it was watched.
func TestDeathIsSeenOnce(t *testing.T) {
	w, _ := watching(t)
	pid, pidfd := startChild(t, "sh", "-c", "exit 0")
	await.Until(t, "it is dead", func() bool { return w.Status(pidfd).Known })
	w.Start()
	if err := w.Child(5, pid, pidfd); err != nil {
		t.Fatal(err)
	}
	if s := w.next(t); len(s.Dead) != 1 || s.Dead[0] != 5 {
		t.Fatalf("%+v", s)
	}
	select {
	case s := <-w.Seen:
		t.Errorf("seen again: %+v", s)
	case <-time.After(30 * time.Millisecond):
	}
	w.Reap(pidfd)
}

// A full pipe is read completely: nothing is lost if one read does not take it
// all.
func TestFullPipeIsRead(t *testing.T) {
	w, bell := watching(t)
	var wire []byte
	for i := range report.Batch {
		wire = report.Record{Kind: report.Begin, Slot: uint16(i), PID: 1000, Generation: 1}.Append(wire)
	}
	sent := 0
	for {
		n, err := unix.Write(bell, wire)
		if err != nil {
			break
		}
		sent += n / report.Size
	}
	w.Start()
	heard := 0
	for heard < sent {
		s := w.next(t)
		heard += len(s.Bells)
		if s.Garbled != 0 {
			t.Fatalf("%d bytes garbled", s.Garbled)
		}
		w.Spent(s)
	}
	if heard != sent {
		t.Errorf("%d doorbells heard of %d", heard, sent)
	}
}

// A pipe that has no writers left is read to its end, and is then not reported
// again.
func TestHungPipeIsQuiet(t *testing.T) {
	w, bell := watching(t)
	const sent = 5
	for i := range sent {
		unix.Write(bell, report.Record{Kind: report.Begin, Slot: uint16(i), PID: 1000, Generation: 1}.Append(nil))
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	if err := unix.Dup3(null, bell, unix.O_CLOEXEC); err != nil { // the only writer
		t.Fatal(err)
	}
	w.Start()
	heard, looks := 0, 0
	for end := time.After(50 * time.Millisecond); ; looks++ {
		select {
		case s := <-w.Seen:
			heard += len(s.Bells)
			w.Spent(s)
			continue
		case <-end:
		}
		break
	}
	if heard != sent || looks > 2 {
		t.Errorf("%d of %d doorbells heard in %d looks", heard, sent, looks)
	}
}

// A client at a listener where no worker waits is reported once for each call of
// Listen.
func TestArrival(t *testing.T) {
	w, _ := watching(t)
	w.Start()
	l, err := host.Listen(config.Source{Addr: netip.MustParseAddr("127.0.0.1")}, 10, config.Sockets{})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	at, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	dial := func() {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	w.Listen(l)
	dial()
	if s := w.next(t); !s.Arrival || s.Bells != nil || s.Dead != nil {
		t.Errorf("%+v", s)
	}
	dial()
	select {
	case s := <-w.Seen:
		t.Errorf("seen without a question: %+v", s)
	case <-time.After(30 * time.Millisecond):
	}
	w.Listen(l)
	if s := w.next(t); !s.Arrival {
		t.Errorf("%+v", s)
	}
	if n := host.Queued(l); n != 2 {
		t.Errorf("%d clients wait, want 2", n)
	}
}

func TestTicks(t *testing.T) {
	w, _ := watching(t)
	if _, err := w.Ticker(5 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	w.Start()
	begin := time.Now()
	for range 10 {
		if s := w.next(t); !s.Tick {
			t.Errorf("%+v", s)
		}
	}
	if took := time.Since(begin); took < 40*time.Millisecond {
		t.Errorf("10 ticks of 5 ms in %v", took)
	}
}
