// Harness: starting a plug with inherited listeners (socket activation).

package harness

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Activate starts a plug in the foreground like a service manager that has
// opened its listeners (sd_listen_fds(3)), all with the same name.
func (p *Plug) Activate(name string, listeners ...*net.TCPListener) {
	p.T.Helper()
	p.Args = append([]string{"-n"}, p.Args...)
	p.Launch(func(c *exec.Cmd) {
		for _, l := range listeners {
			f, err := l.File()
			if err != nil {
				p.T.Fatal(err)
			}
			p.T.Cleanup(func() { f.Close() })
			c.ExtraFiles = append(c.ExtraFiles, f)
		}
		names := strings.Repeat(":"+name, len(listeners))[1:]
		c.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(listeners)), "LISTEN_FDNAMES="+names)
		// LISTEN_PID is the process that executes the command.
		sh := Program(p.T, "sh")
		c.Args = append([]string{sh, "-c", `LISTEN_PID=$$ exec "$@"`, "sh", p.Bin}, c.Args[1:]...)
		c.Path = sh
	})
}

// AwaitServing waits until an activated plug says on stderr that it serves. Its listener
// and its pidfile exist before that.
func (p *Plug) AwaitServing() {
	p.T.Helper()
	Await(p.T, "the plug to serve", ServeBound, func() bool { return p.Serves() && strings.Contains(ReadString(p.Stderr), " serving: ") })
}
