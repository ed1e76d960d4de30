//go:build linux

// These tests use real workers: this test binary, started again as a master starts a
// worker, with the test in the master's role.

package worker

import (
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/board/memory"
)

func init() {
	if os.Args[0] == Arg0 {
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	if os.Args[0] == Arg0 {
		if status, over := Early(); over {
			os.Exit(status)
		}
		os.Exit(Main(signal.Notify))
	}
	os.Exit(m.Run())
}

// glance is how long a test waits to see that something does not happen.
const glance = 60 * time.Millisecond

// boss is a test in the role of a master.
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
	socket   int // receives the workers' syslog records
	bells    []byte
}

// newBoss makes a generation with an open gate; set may change its assignment. Its
// targets are these.
func newBoss(t *testing.T, shape board.Shape, targets []string, set func(*board.Board)) *boss {
	t.Helper()
	b := &boss{t: t}
	var err error
	shape.Generation = 3
	if b.board, b.memory[0], b.memory[1], err = memory.New(shape); err != nil {
		t.Fatal(err)
	}
	a := b.board.Assignment
	a.Listeners, a.ConnectTimeout, a.CloseTimeout = 1, 2000, uint32(patience.Milliseconds())
	a.Label.Set("119")
	a.SessionFile.Set("/x/sessions")
	a.Tag.Set("(119)")
	dir := t.TempDir()
	b.openSyslog(a, filepath.Join(dir, "log"))
	b.session = filepath.Join(dir, "sessions")
	if b.file, err = os.OpenFile(b.session, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		t.Fatal(err)
	}
	a.Options = board.OptSession | board.OptLog
	if shape.Capacity > 1 {
		a.Options |= board.OptPool
	}
	for i, target := range targets {
		b.board.Target(i).Addr = convert.From(netip.MustParseAddrPort(target))
	}
	a.TargetCount = uint32(len(targets))
	b.board.State.Gate.Store(board.GateOpen)
	if set != nil {
		set(b.board)
	}
	if err := memory.Seal(b.memory[0], b.memory[1]); err != nil {
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
	fd, at := bind(b.t)
	if err := unix.Listen(fd, 100); err != nil {
		b.t.Fatal(err)
	}
	b.listener, b.addr = fd, inWords(at)
}

func (b *boss) close() {
	for _, fd := range []int{b.memory[0], b.memory[1], b.report[0], b.report[1], b.socket, b.listener} {
		unix.Close(fd)
	}
	b.file.Close()
	b.syslog.Close()
	b.board.Close()
}

// wait waits for a condition that must come true.
func (b *boss) wait(what string, so func() bool) {
	b.t.Helper()
	until(b.t, what, so)
}
