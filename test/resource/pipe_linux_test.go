// TestResource: a full report pipe.

package resource

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// A stopped master reads no doorbells. When the report pipe is full, the
// workers continue, and when the master continues, it reads the board.
func fullPipe(t *testing.T) {
	const at = 30 // sessions at a time
	p := harness.StartDaemon(t, "prefork", "--spares", "36:36", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Spares(36)
	held := harness.Hold(t, p, 2)
	p.Lists(held)
	p.Spares(36)
	harness.StopProcess(t, p.Master)
	n := 0
	// A worker delays its doorbells by 5 ms to batch them: sessions last
	// longer, and so do the pauses between them.
	const long = 8 * time.Millisecond
	for began := time.Now(); inPipe(p) < pipeSize; n += at {
		if time.Since(began) > time.Minute {
			t.Fatalf("%d sessions leave %d bytes in the report pipe", n, inPipe(p))
		}
		round := harness.Hold(t, p, at)
		harness.Passed(long)
		for _, c := range round {
			if err := harness.Finish(c); err != nil {
				t.Fatal("while the master is stopped:", err)
			}
		}
		harness.Passed(long)
	}
	// Only the board shows these.
	silent := harness.Hold(t, p, 3)
	for _, c := range held {
		harness.Finish(c)
	}
	p.Lines(n + 2)
	continued := time.Now()
	syscall.Kill(p.Master, syscall.SIGCONT)
	p.Lists(silent)
	took := whole(p, continued, silent, n+2+3)
	addEnding(p, fmt.Sprintf("(%d): nothing is lost, and so nothing said: %d sessions filled the pipe", p.Port, n), took)
	for _, r := range p.Errs() {
		t.Errorf("logged: %v", r)
	}
}

// pipeSize is the size of a pipe (pipe(7)).
const pipeSize = 64 << 10

// inPipe is the number of bytes in the report pipe.
func inPipe(p *harness.Plug) int {
	for fd, is := range harness.Descriptors(p.Master) {
		if !strings.HasPrefix(is, "pipe:") {
			continue
		}
		f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", p.Master, fd), os.O_RDONLY|syscall.O_NONBLOCK, 0)
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
