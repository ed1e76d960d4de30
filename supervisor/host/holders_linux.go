// Which processes listen on a port, found in /proc, for the error of a start that
// finds the port in use.

package host

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// searchFor limits the search for the holders; the start has failed in any case.
const searchFor = 2 * time.Second

// holders returns the processes with a socket that listens on the port:
// /proc/net/tcp and tcp6 list the sockets' inodes, /proc/PID/fd their owners
// (proc(5)).
func holders(port uint16) []int {
	inodes := map[string]bool{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listening(name, port, inodes)
	}
	if len(inodes) == 0 {
		return nil
	}
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for end := time.Now().Add(searchFor); len(links) > 0 && time.Now().Before(end); links = links[1:] {
		link := links[0]
		if to, err := os.Readlink(link); err == nil && inodes[to] {
			if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// listening adds "socket:[INODE]" of each socket that listens on the port.
func listening(table string, port uint16, inodes map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	const local, state, inode, listen = 1, 3, 9, "0A"
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) > inode && fields[state] == listen && strings.HasSuffix(fields[local], fmt.Sprintf(":%04X", port)) {
			inodes["socket:["+fields[inode]+"]"] = true
		}
	}
}
