// Where syslog listens: --syslog and its default.

package config

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// parseSyslog reads --syslog: the absolute path of a datagram socket, or
// udp://ADDRESS[:PORT]. The default port is 514 (RFC 5426).
func parseSyslog(text string) (Syslog, error) {
	if host, ok := strings.CutPrefix(text, "udp://"); ok {
		at, err := parseEndpoint(host, 514)
		if err != nil {
			return Syslog{}, errors.New("after udp://, " + err.Error())
		}
		return Syslog{UDP: at}, nil
	}
	if !strings.HasPrefix(text, "/") {
		return Syslog{}, errors.New("expected the absolute path of a socket, or udp://ADDRESS:PORT")
	}
	if limit := maxSocketPath(runtime.GOOS); len(text) > limit {
		return Syslog{}, fmt.Errorf("the path of a socket must be at most %d bytes long", limit)
	}
	return Syslog{Path: text}, nil
}

// String is the address in the form that parseSyslog reads.
func (s Syslog) String() string {
	if s.UDP.IsValid() {
		return "udp://" + s.UDP.String()
	}
	return s.Path
}

// syslogPath is where a system's own syslog listens: _PATH_LOG of <syslog.h>.
func syslogPath(goos string) string {
	switch goos {
	case "darwin":
		return "/var/run/syslog"
	case "freebsd", "netbsd":
		return "/var/run/log"
	}
	return "/dev/log"
}

// maxSocketPath is the room in sun_path without its final zero: unix(7), and unix(4) on
// the BSDs.
func maxSocketPath(goos string) int {
	if goos == "linux" {
		return 107
	}
	return 103
}
