// Whether a process is about to end, on Linux.

package pidfile

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// dying reports whether a process has been killed or has begun to exit: its
// memory is freed first, its descriptors are closed later
// (proc_pid_status(5)).
func dying(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && saysDying(status)
}

// saysDying parses the content of /proc/PID/status.
func saysDying(status []byte) bool {
	memory := false
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "VmSize":
			memory = true
		case "SigPnd", "ShdPnd":
			pending, _ := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64)
			if pending&(1<<(unix.SIGKILL-1)) != 0 {
				return true
			}
		}
	}
	return !memory
}
