// Sockets from the service manager (socket activation).

package shepherd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Activated returns the listening sockets that the service manager has opened
// under this name (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES).
func Activated(name string) (fds []int, err error) {
	const first = 3
	pid, _ := strconv.Atoi(os.Getenv("LISTEN_PID"))
	n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if pid != os.Getpid() || n < 1 {
		return nil, fmt.Errorf("source \"fd:%s\": the service manager passed no sockets (LISTEN_PID %q, LISTEN_FDS %q)",
			name, os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"))
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i, other := range names[:min(n, len(names))] {
		if other == name {
			fds = append(fds, first+i)
		}
	}
	switch {
	case len(fds) == 0:
		return nil, fmt.Errorf("source \"fd:%s\": the service manager passed no socket with this name, only %q", name, names)
	case len(fds) > MostListeners:
		return nil, fmt.Errorf("source \"fd:%s\": the service manager passed %d sockets with this name; at most %d are possible", name, len(fds), MostListeners)
	}
	return fds, nil
}

// MostListeners is how many sockets one plug may have: as many as one message of
// an upgrade carries.
const MostListeners = 64
