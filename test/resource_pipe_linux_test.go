// TestResource: a full report pipe.

package test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A stopped master reads no doorbells. When the report pipe is full, the
// workers continue, and when the master continues, it reads the board.
func fullPipe(t *testing.T) {
	const at = 30 // sessions at a time
	p := startDaemon(t, "prefork", "--spares", "36:36", serve(t, anywhere, echo).addr())
	p.spares(36)
	held := hold(t, p, 2)
	p.lists(held)
	p.spares(36)
	p.freeze(p.master)
	n := 0
	// A worker delays its doorbells by 5 ms to batch them: sessions last
	// longer, and so do the pauses between them.
	const long = 8 * time.Millisecond
	for began := time.Now(); p.inPipe() < pipeSize; n += at {
		if time.Since(began) > time.Minute {
			t.Fatalf("%d sessions leave %d bytes in the report pipe", n, p.inPipe())
		}
		round := hold(t, p, at)
		passed(long)
		for _, c := range round {
			if err := finish(c); err != nil {
				t.Fatal("while the master is stopped:", err)
			}
		}
		passed(long)
	}
	// Only the board shows these.
	silent := hold(t, p, 3)
	for _, c := range held {
		finish(c)
	}
	p.lines(n + 2)
	continued := time.Now()
	syscall.Kill(p.master, syscall.SIGCONT)
	p.lists(silent)
	took := p.whole(continued, silent, n+2+3)
	p.ended(fmt.Sprintf("(%d): nothing is lost, and so nothing said: %d sessions filled the pipe", p.port, n), took)
	for _, r := range p.errs() {
		t.Errorf("logged: %v", r)
	}
}

// pipeSize is the size of a pipe (pipe(7)).
const pipeSize = 64 << 10

// inPipe is the number of bytes in the report pipe.
func (p *plug) inPipe() int {
	for fd, is := range descriptors(p.master) {
		if !strings.HasPrefix(is, "pipe:") {
			continue
		}
		f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", p.master, fd), os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCINQ)
		f.Close()
		if err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// freeze stops a process and waits until it has stopped.
func (p *plug) freeze(pid int) {
	p.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { syscall.Kill(pid, syscall.SIGCONT) })
	await(p.t, fmt.Sprintf("%d to stand still", pid), shortWait, func() bool {
		q, _ := readProcess(pid)
		return q.state == 'T'
	})
}
