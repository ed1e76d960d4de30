// Harness: other programs that run beside a plug.

package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Daemonize starts a peer program until the test ends, and waits until it
// listens on the port.
func Daemonize(t testing.TB, port int, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(OpenDir(t), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(Program(t, name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(3 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
	if !HoldsWithin(LongWait, func() bool { return Listening(t, port) }) {
		t.Fatalf("%s does not serve: %s", name, ReadString(log.Name()))
	}
}
