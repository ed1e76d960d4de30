// Harness: starting a plug with inherited listeners (socket activation).

package test

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// activate starts a plug in the foreground like a service manager that has
// opened its listeners (sd_listen_fds(3)), all with the same name.
func (p *plug) activate(name string, listeners ...*net.TCPListener) {
	p.t.Helper()
	p.args = append([]string{"-n"}, p.args...)
	p.launch(func(c *exec.Cmd) {
		for _, l := range listeners {
			f, err := l.File()
			if err != nil {
				p.t.Fatal(err)
			}
			p.t.Cleanup(func() { f.Close() })
			c.ExtraFiles = append(c.ExtraFiles, f)
		}
		names := strings.Repeat(":"+name, len(listeners))[1:]
		c.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(listeners)), "LISTEN_FDNAMES="+names)
		// LISTEN_PID is the process that executes the command.
		sh := program(p.t, "sh")
		c.Args = append([]string{sh, "-c", `LISTEN_PID=$$ exec "$@"`, "sh", p.bin}, c.Args[1:]...)
		c.Path = sh
	})
}

// listenTCP returns a listener whose socket stays open, like a service
// manager's.
func listenTCP(t testing.TB, addr string) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}
