// Starting a master as a daemon.

package shepherd

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"

	"daemon/plug/supervisor/host"
)

// Launch starts the master as a daemon, waits until it serves or fails, and
// returns the status to exit with. If the master fails, it has printed the
// reason on stderr.
func Launch(listeners []Socket) int {
	pid, starter, err := start(roleDaemon, listeners, &syscall.SysProcAttr{Setsid: true})
	if err != nil {
		fmt.Fprintf(os.Stderr, "plug: %v\n", err)
		return 4
	}
	if line, err := bufio.NewReader(starter).ReadString('\n'); err == nil && strings.HasPrefix(line, served) {
		return 0
	}
	status, err := host.Wait(pid)
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "plug: waiting for the master: %v\n", err)
		return 4
	case status.Signaled():
		fmt.Fprintf(os.Stderr, "plug: the master was killed by signal %d before it was serving\n", status.Signal())
		return 4
	case status.ExitStatus() == 0: // TERM before it served, as requested
		return 0
	}
	return status.ExitStatus()
}
