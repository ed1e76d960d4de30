//go:build linux

// A real worker of a test, and what its process shows.

package worker

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// hand is a worker of the test.
type hand struct {
	b        *boss
	slot     int
	pid      int
	lifeline int
	ended    bool
}

// hire starts a worker and reads its first doorbell.
func (b *boss) hire(slot int) *hand {
	b.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer unix.Close(pair[1])
	pid, err := syscall.ForkExec("/proc/self/exe", Args(slot, []uint32{0}), &syscall.ProcAttr{
		Env: append(Env(b.board.Assignment.Pool()), "GORACE=atexit_sleep_ms=0"),
		Files: []uintptr{0, 1, 2, uintptr(pair[1]), uintptr(b.report[1]), uintptr(b.memory[0]), uintptr(b.memory[1]),
			b.file.Fd(), uintptr(b.socket), uintptr(b.listener)},
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	h := &hand{b: b, slot: slot, pid: pid, lifeline: pair[0]}
	b.t.Cleanup(func() {
		unix.Close(h.lifeline)
		if !h.ended {
			unix.Kill(h.pid, unix.SIGKILL)
			unix.Wait4(h.pid, nil, 0, nil)
		}
	})
	if h.pipeFull() {
		return h
	}
	h.hears(report.Ready)
	return h
}

// pipeFull reports whether the report pipe has no room for a doorbell.
func (h *hand) pipeFull() bool {
	p := []unix.PollFd{{Fd: int32(h.b.report[1]), Events: unix.POLLOUT}}
	n, _ := unix.Poll(p, 0)
	return n == 0
}

// hears waits for this worker's next doorbell.
func (h *hand) hears(kind report.Kind) {
	h.b.t.Helper()
	r, ok := h.b.bell(patience)
	if want := (report.Record{Kind: kind, Slot: uint16(h.slot), PID: uint32(h.pid), Generation: 3}); !ok || r != want {
		h.b.t.Fatalf("heard %+v (%v), want %+v", r, ok, want)
	}
}

// bell reads one doorbell.
func (b *boss) bell(patience time.Duration) (report.Record, bool) {
	for end := time.Now().Add(patience); len(b.bells) < report.Size; {
		left := time.Until(end)
		if left <= 0 {
			return report.Record{}, false
		}
		unix.Poll([]unix.PollFd{{Fd: int32(b.report[0]), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		p := make([]byte, 4096)
		if n, _ := unix.Read(b.report[0], p); n > 0 {
			b.bells = append(b.bells, p[:n]...)
		}
	}
	r, ok := report.Parse(b.bells)
	b.bells = b.bells[report.Size:]
	return r, ok
}

// silent fails if a doorbell rings soon.
func (b *boss) silent() {
	b.t.Helper()
	if r, ok := b.bell(glance); ok {
		b.t.Errorf("an unexpected doorbell: %+v", r)
	}
}

// orders sends a byte over the lifeline.
func (h *hand) orders(o report.Order) {
	h.b.t.Helper()
	if _, err := unix.Write(h.lifeline, []byte{byte(o)}); err != nil {
		h.b.t.Fatal(err)
	}
}

// exits waits for the worker's end.
func (h *hand) exits() unix.WaitStatus {
	h.b.t.Helper()
	var status unix.WaitStatus
	h.b.wait("the worker ends", func() bool {
		pid, err := unix.Wait4(h.pid, &status, unix.WNOHANG, nil)
		return pid == h.pid && err == nil
	})
	h.ended = true
	return status
}

// lives fails if the worker ends soon.
func (h *hand) lives() {
	h.b.t.Helper()
	if pid, _ := unix.Wait4(h.pid, nil, unix.WNOHANG, nil); pid == h.pid {
		h.ended = true
		h.b.t.Fatal("the worker has ended")
	}
}

// state is the state of the worker's only row.
func (h *hand) state() board.RowState { return h.b.board.Row(h.slot, 0).Word().State() }
