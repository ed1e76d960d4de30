// Tests of locks whose holder has been killed.

package pidfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A killed process may hold the lock a little longer. Claim waits for that, so
// that an admin's "kill -9; plug" works.
func TestHeldByTheDying(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plug.pid")
	h := spawn(t, nil)
	if dying(h.pid()) || dying(os.Getpid()) {
		t.Error("the living are taken for dying")
	}
	f := claim(t, path)
	if err := f.Write([]int{h.pid()}); err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	time.AfterFunc(patience/10, func() {
		_ = f.Close()
		close(gone)
	})
	claim(t, path)
	<-gone
}

func TestSaysDying(t *testing.T) {
	const living = "Name:\tplug\nState:\tS (sleeping)\nVmSize:\t  4 kB\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000004000\n"
	for status, want := range map[string]bool{
		living: false,
		strings.Replace(living, "VmSize:\t  4 kB\n", "", 1):                       true, // exiting, or a zombie
		strings.Replace(living, "SigPnd:\t0000000000000000", "SigPnd:\t0100", 1):  true, // SIGKILL to a thread
		strings.Replace(living, "ShdPnd:\t0000000000004000", "ShdPnd:\t04100", 1): true, // to the process
		strings.Replace(living, "ShdPnd:\t0000000000004000", "ShdPnd:\t40000", 1): false,
	} {
		if saysDying([]byte(status)) != want {
			t.Errorf("dying is not %v:\n%s", want, status)
		}
	}
}
