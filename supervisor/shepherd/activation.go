// Sockets from the service manager (socket activation).

package shepherd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Activated returns the listening socket that the service manager has opened
// under this name (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES).
func Activated(name string) (fd int, err error) {
	const first = 3
	pid, _ := strconv.Atoi(os.Getenv("LISTEN_PID"))
	n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if pid != os.Getpid() || n < 1 {
		return -1, fmt.Errorf("source \"fd:%s\": the service manager passed no sockets (LISTEN_PID %q, LISTEN_FDS %q)",
			name, os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"))
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	var found []int
	for i, other := range names[:min(n, len(names))] {
		if other == name {
			found = append(found, first+i)
		}
	}
	switch len(found) {
	case 0:
	case 1:
		return found[0], nil
	default:
		return -1, fmt.Errorf("source \"fd:%s\": the service manager passed %d sockets with this name, but a plug takes one; "+
			"give each its own name (FileDescriptorName=) and its own plug", name, len(found))
	}
	return -1, fmt.Errorf("source \"fd:%s\": the service manager passed no socket with this name, only %q", name, names)
}
