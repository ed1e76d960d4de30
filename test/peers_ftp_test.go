// A test with ftp: interrupting a download.

package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// slowFTP serves a directory to anonymous clients at 4 MiB/s, and reads
// commands during a transfer, as RFC 959 requires for ABOR. Arguments: port,
// directory.
const slowFTP = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, ThrottledDTPHandler
from pyftpdlib.servers import FTPServer
ThrottledDTPHandler.write_limit = 4 << 20
FTPHandler.dtp_handler = ThrottledDTPHandler
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_anonymous(sys.argv[2])
FTPServer(("127.0.0.1", int(sys.argv[1])), FTPHandler).serve_forever()
`

// A user interrupts a download. The client sends IAC IP IAC as urgent data on
// the control connection, which goes through plug, then DM and "ABOR"; and
// waits until the server has replied to them.
func TestFTPAbort(t *testing.T) {
	t.Parallel()
	harness.Program(t, "tnftp")
	python := pythonWith(t, "pyftpdlib")
	dir, port := harness.OpenDir(t), harness.FreePort(t)
	large, err := os.Create(filepath.Join(dir, "large"))
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	if err := large.Truncate(1 << 30); err != nil { // minutes, at the server's rate
		t.Fatal(err)
	}
	harness.Daemonize(t, port, python, "-c", slowFTP, fmt.Sprint(port), dir)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, fmt.Sprintf("127.0.0.1:%d", port))
		const downloads = 8
		for range downloads {
			abortDownload(t, p)
		}
		p.Lines(downloads)
	})
}

// abortDownload interrupts the client when the first bytes of the file have
// come, and checks that the session continues.
func abortDownload(t *testing.T, p *harness.Plug) {
	t.Helper()
	got := filepath.Join(harness.OpenDir(t), "got")
	client := exec.Command("tnftp", "-n", "-v", "-i", "127.0.0.1", fmt.Sprint(p.Port))
	client.Stdin = strings.NewReader("user anonymous x\nbinary\nget large " + got + "\npwd\nquit\n")
	var said bytes.Buffer
	client.Stdout, client.Stderr = &said, &said
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Wait() }()
	begun := harness.HoldsWithin(harness.TalkBound, func() bool { info, err := os.Stat(got); return err == nil && info.Size() > 0 })
	client.Process.Signal(os.Interrupt)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("tnftp: %v", err)
		}
	case <-time.After(harness.TalkBound):
		client.Process.Kill()
		<-ended
		t.Errorf("tnftp still waits %v after the interrupt", harness.TalkBound)
	}
	if !begun {
		t.Fatalf("the download has not begun: %s", &said)
	}
	for _, reply := range []string{"\n426 ", "\n226 ", "\nRemote directory: ", "\n221 "} { // aborted, ABOR done, pwd, quit
		if !strings.Contains(said.String(), reply) {
			t.Fatalf("no reply %q in:\n%s", reply, &said)
		}
	}
}

// pythonWith is a Python that has a module: Debian's modules belong to the
// Python in /usr/bin, which may not be the first one in PATH.
func pythonWith(t testing.TB, module string) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import "+module).Run() == nil {
			return name
		}
	}
	return harness.Program(t, "python3 with "+module)
}
