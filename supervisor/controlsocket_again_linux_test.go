// A test of a control socket whose directory is removed: both are made again.

package supervisor

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/control"
)

// A control socket is made again if it was removed with its directory, for example
// by a clean-up of /run.
func TestControlDirectoryRemoved(t *testing.T) {
	dir := t.TempDir() + "/plug"
	m := newMaster(&config.Process{Control: dir + "/80.ctl", ControlDefault: true}, nil)
	m.phase, m.log = running, hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard})
	if err := m.claimControl(); err != nil {
		t.Fatal(err)
	}
	m.serveControl()
	t.Cleanup(func() {
		m.control.server.Close(time.Second)
		m.removeControl()
	})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	m.keepControl()
	select {
	case call := <-m.calls:
		call()
	case <-time.After(patience):
		t.Fatal("it is not made again")
	}
	client, err := control.Dial(m.cfg.Control, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}
