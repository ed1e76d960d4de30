//go:build linux

package worker

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/board"
	"plugdaemon/worker/report"
)

// These tests have real workers: this test binary again, started as a master
// starts one, with the test in the master's place.

func init() {
	if os.Args[0] == Arg0 {
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	if os.Args[0] == Arg0 {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen, and glance how long it
// looks on when something must not.
const (
	patience = 10 * time.Second
	glance   = 60 * time.Millisecond
)

// boss is a test in the place of a master.
type boss struct {
	t        *testing.T
	board    *board.Board
	memory   [2]int // assignment, state
	report   [2]int // pipe
	listener int
	addr     string
	session  string // path of the session file
	file     *os.File
	syslog   *net.UnixConn
	socket   int // for syslog records, of the workers
	bells    []byte
}

// newBoss makes a generation with an open gate; set may change its assignment.
// Every target is one of targets.
func newBoss(t *testing.T, shape board.Shape, targets []string, set func(*board.Board)) *boss {
	t.Helper()
	b := &boss{t: t}
	var err error
	shape.Generation = 3
	if b.board, b.memory[0], b.memory[1], err = board.New(shape); err != nil {
		t.Fatal(err)
	}
	a := b.board.Assignment
	a.Listeners, a.ConnectTimeout = 1, 2000
	a.Label.Set("119")
	a.SessionFile.Set("/x/sessions")
	a.Tag.Set("(119)")
	dir := t.TempDir()
	b.openSyslog(a, filepath.Join(dir, "log"))
	b.session = filepath.Join(dir, "sessions")
	if b.file, err = os.OpenFile(b.session, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		t.Fatal(err)
	}
	a.Options = board.OptSession | board.OptSyslog | board.OptLog
	for i, target := range targets {
		a.TargetTable[i].Addr = board.MakeAddr(netip.MustParseAddrPort(target))
	}
	a.TargetCount.Store(uint32(len(targets)))
	b.board.Gate.Store(board.GateOpen)
	if set != nil {
		set(b.board)
	}
	if err := board.Seal(b.memory[0], b.memory[1]); err != nil {
		t.Fatal(err)
	}
	if err := unix.Pipe2(b.report[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	b.listen()
	t.Cleanup(b.close)
	return b
}

func (b *boss) openSyslog(a *board.Assignment, path string) {
	var err error
	if b.syslog, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		b.t.Fatal(err)
	}
	if b.socket, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		b.t.Fatal(err)
	}
	a.Syslog.Set(path)
}

func (b *boss) listen() {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = unix.Listen(fd, 100)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		b.t.Fatal(err)
	}
	b.listener = fd
	b.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(at.(*unix.SockaddrInet4).Port)).String()
}

func (b *boss) close() {
	for _, fd := range []int{b.memory[0], b.memory[1], b.report[0], b.report[1], b.socket, b.listener} {
		unix.Close(fd)
	}
	b.file.Close()
	b.syslog.Close()
	b.board.Close()
}

// hand is a worker of the test.
type hand struct {
	b        *boss
	slot     int
	pid      int
	lifeline int
	ended    bool
}

// hire starts a worker and hears its first doorbell.
func (b *boss) hire(slot int) *hand {
	b.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer unix.Close(pair[1])
	pid, err := syscall.ForkExec("/proc/self/exe", Args(slot), &syscall.ProcAttr{
		Env: append(Env(int(b.board.Assignment.Capacity)), "GORACE=atexit_sleep_ms=0"),
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

// pipeFull tells that a doorbell would find no room.
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

// wait waits for a condition that must come true.
func (b *boss) wait(what string, so func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// dial is a client of the plug.
func (b *boss) dial() *net.TCPConn {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// echoes tells whether what the client says comes back.
func (b *boss) echoes(c net.Conn, text string) {
	b.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		b.t.Fatal(err)
	}
	p := make([]byte, len(text))
	if _, err := io.ReadFull(c, p); err != nil || string(p) != text {
		b.t.Fatalf("%q came back as %q: %v", text, p, err)
	}
}

// unserved fails if somebody answers the client soon.
func (b *boss) unserved(c net.Conn) {
	b.t.Helper()
	io.WriteString(c, "x")
	c.SetReadDeadline(time.Now().Add(glance))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		b.t.Errorf("a client that nobody should serve: %d, %v", n, err)
	}
	c.SetDeadline(time.Now().Add(patience))
}

// lines are the session lines so far.
func (b *boss) lines(n int) []string {
	b.t.Helper()
	var lines []string
	b.wait("the session lines are there", func() bool {
		text, _ := os.ReadFile(b.session)
		lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		return len(text) > 0 && len(lines) >= n
	})
	return lines
}

// syslogs are the next n records, without their frames.
func (b *boss) syslogs(n int) (out []string) {
	b.t.Helper()
	p := make([]byte, 4096)
	b.syslog.SetReadDeadline(time.Now().Add(patience))
	for range n {
		m, err := b.syslog.Read(p)
		if err != nil {
			b.t.Fatalf("%v, after %q", err, out)
		}
		_, text, _ := strings.Cut(string(p[:m]), "]: ")
		out = append(out, text)
	}
	return out
}

// echo is a target that sends back what it gets.
func echo(t *testing.T) string {
	return target(t, func(c *net.TCPConn) { io.Copy(c, c) })
}

// target serves each connection, and closes it then.
func target(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

// refusing is the address of nobody.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// hangUp closes the client's side and waits for the other's.
func hangUp(t *testing.T, c *net.TCPConn) {
	t.Helper()
	c.CloseWrite()
	if _, err := bufio.NewReader(c).ReadByte(); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
	c.Close()
}

// state is the word of the worker's only row.
func (h *hand) state() board.RowState { return h.b.board.Row(h.slot, 0).Word().State() }

// fields of a session line behind its time: PID, LISTEN … USEC.
func fields(line string) []string {
	_, rest, _ := strings.Cut(line, "] ")
	return slices.Clip(strings.Fields(rest))
}
