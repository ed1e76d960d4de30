// Tests of the watcher with real processes and pipes: doorbells before deaths, each
// once, and nothing after a pipe's end.

package supervisor

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/report"
)

// watching is a started watcher with one generation.
func watching(t *testing.T) (*watcher, *generation) {
	t.Helper()
	w, err := newWatcher()
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGeneration(1, &config.Config{}, 4, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.generation(g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.file.Close()
		g.close()
	})
	return w, g
}

// next is the next sighting; there must be one.
func (w *watcher) next(t *testing.T) events {
	t.Helper()
	select {
	case s := <-w.seen:
		return s
	case <-time.After(patience):
		t.Fatal("nothing was seen")
		return events{}
	}
}

// What a worker rang before it died is heard no later than its death is seen.
func TestBellsBeforeDeaths(t *testing.T) {
	const rings, printf = 3, `printf '\001\001\000\000AAAA\001\000\000\000\000\000\000\000' >&3`
	w, g := watching(t)
	w.start()
	for id := uint64(1); id <= 30; id++ {
		attr := &syscall.ProcAttr{Files: []uintptr{0, 1, 2, uintptr(g.bell)}, Sys: &syscall.SysProcAttr{}}
		pid, pidfd := startWith(t, attr, "sh", "-c", printf+";"+printf+";"+printf+"; exit 7")
		if err := w.child(id, pid, pidfd); err != nil {
			t.Fatal(err)
		}
		heard := 0
		for dead := false; !dead; {
			s := w.next(t)
			for _, r := range s.bells {
				if r.Kind == report.Ready && r.PID == 0x41414141 {
					heard++
				}
			}
			for _, who := range s.dead {
				if who != id {
					t.Fatalf("%d died, %d was expected", who, id)
				}
				dead = true
			}
			if s.garbled != 0 {
				t.Fatalf("%d bytes garbled", s.garbled)
			}
			w.spent(s)
		}
		if heard != rings {
			t.Fatalf("worker %d: %d doorbells heard when its death was seen, want %d", id, heard, rings)
		}
		if s := w.status(pidfd); s.status != 7 {
			t.Fatalf("worker %d: %+v", id, s)
		}
		w.reap(pidfd)
	}
}

// A death is seen once, and one that came before anybody watched is seen too.
func TestDeathIsSeenOnce(t *testing.T) {
	w, _ := watching(t)
	pid, pidfd := start(t, "sh", "-c", "exit 0")
	until(t, "it is dead", func() bool { return w.status(pidfd).known })
	w.start()
	if err := w.child(5, pid, pidfd); err != nil {
		t.Fatal(err)
	}
	if s := w.next(t); len(s.dead) != 1 || s.dead[0] != 5 {
		t.Fatalf("%+v", s)
	}
	select {
	case s := <-w.seen:
		t.Errorf("seen again: %+v", s)
	case <-time.After(30 * time.Millisecond):
	}
	w.reap(pidfd)
}

// A pipe that was full is read whole: more than one look's worth is not lost.
func TestFullPipeIsRead(t *testing.T) {
	w, g := watching(t)
	var wire []byte
	for i := range report.Batch {
		wire = report.Record{Kind: report.Begin, Slot: uint16(i), PID: 1000, Generation: 1}.Append(wire)
	}
	sent := 0
	for {
		n, err := unix.Write(g.bell, wire)
		if err != nil {
			break
		}
		sent += n / report.Size
	}
	w.start()
	heard := 0
	for heard < sent {
		s := w.next(t)
		heard += len(s.bells)
		if s.garbled != 0 {
			t.Fatalf("%d bytes garbled", s.garbled)
		}
		w.spent(s)
	}
	if heard != sent {
		t.Errorf("%d doorbells heard of %d", heard, sent)
	}
}

// A pipe that nobody can write to any more is read to its end, and is then no
// reason to look again and again.
func TestHungPipeIsQuiet(t *testing.T) {
	w, g := watching(t)
	const sent = 5
	for i := range sent {
		unix.Write(g.bell, report.Record{Kind: report.Begin, Slot: uint16(i), PID: 1000, Generation: 1}.Append(nil))
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	if err := unix.Dup3(null, g.bell, unix.O_CLOEXEC); err != nil { // the only one who could
		t.Fatal(err)
	}
	w.start()
	heard, looks := 0, 0
	for end := time.After(50 * time.Millisecond); ; looks++ {
		select {
		case s := <-w.seen:
			heard += len(s.bells)
			w.spent(s)
			continue
		case <-end:
		}
		break
	}
	if heard != sent || looks > 2 {
		t.Errorf("%d of %d doorbells heard in %d looks", heard, sent, looks)
	}
}

// A client at a listener that nobody sleeps on is seen once for each question.
func TestArrival(t *testing.T) {
	w, _ := watching(t)
	w.start()
	l, err := host.Listen(config.Source{Addr: netip.MustParseAddr("127.0.0.1")}, 10, false)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	dial := func() {
		c, err := net.Dial("tcp", boundTo(t, l).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	w.listen(l)
	dial()
	if s := w.next(t); !s.arrival || s.bells != nil || s.dead != nil {
		t.Errorf("%+v", s)
	}
	dial()
	select {
	case s := <-w.seen:
		t.Errorf("seen without a question: %+v", s)
	case <-time.After(30 * time.Millisecond):
	}
	w.listen(l)
	if s := w.next(t); !s.arrival {
		t.Errorf("%+v", s)
	}
	if n := host.Queued(l); n != 2 {
		t.Errorf("%d clients wait, want 2", n)
	}
}

func TestTicks(t *testing.T) {
	w, _ := watching(t)
	if _, err := w.ticker(5 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	w.start()
	begin := time.Now()
	for range 10 {
		if s := w.next(t); !s.tick {
			t.Errorf("%+v", s)
		}
	}
	if took := time.Since(begin); took < 40*time.Millisecond {
		t.Errorf("10 ticks of 5 ms in %v", took)
	}
}
