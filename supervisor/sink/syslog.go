// Records for syslog: framed with the PID that they are about, and sent to a
// socket that may be full or gone.

package sink

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/worker/record"
)

// Syslog frames records for syslog: hclog's records, by level, and the texts of
// ORIGINAL's table.
type Syslog struct {
	Sink *Sink
	FD   int // datagram socket, not connected; also passed on to workers
	Tag  string
	host string
	to   unix.Sockaddr
	Path string // path of the socket; empty with UDP

	zoned netip.AddrPort // address whose interface may be re-created; invalid otherwise

	PID int

	behind bool // the last record was dropped (the sink's goroutine)
}

// OpenSyslog makes the socket, and the sink that writes to it. Records go to the
// UDP address if it is valid, otherwise to the socket at the path.
func OpenSyslog(path string, udp netip.AddrPort, tag string, pid int) (*Syslog, error) {
	s := &Syslog{Tag: tag, PID: pid, Path: path, to: &unix.SockaddrUnix{Name: path}}
	family := unix.AF_UNIX
	if udp.IsValid() {
		family = unix.AF_INET6
		if udp.Addr().Is4() {
			family = unix.AF_INET
		}
		s.to, s.Path = host.Sockaddr(udp), ""
		if udp.Addr().Zone() != "" {
			s.zoned = udp
		}
		s.host = ShortHost()
	}
	var err error
	if s.FD, err = host.Socket(family, unix.SOCK_DGRAM); err != nil {
		return nil, fmt.Errorf("syslog socket: %s", host.Reason(err))
	}
	s.Sink = New(Bound, s.transmit)
	return s, nil
}

// fullFor is how long to wait for a syslog daemon whose queue is full. The queue
// is short (unix(7), max_dgram_qlen); a burst of records often exceeds it.
const fullFor = time.Second

// transmit sends one record (the sink's goroutine). If it cannot be sent within
// fullFor, it is dropped and counted. The records after it are tried only once
// each, until one is accepted, so that a blocked syslog costs no more than that
// second.
func (s *Syslog) transmit(p []byte) {
	to := s.to
	if s.zoned.IsValid() {
		to = host.Sockaddr(s.zoned)
	}
	for waited, pause := time.Duration(0), time.Millisecond; ; pause *= 2 {
		err := unix.Sendto(s.FD, p, unix.MSG_NOSIGNAL, to)
		switch {
		case err == nil:
			s.behind = false
			return
		case err == unix.EINTR:
			continue
		case err != unix.EAGAIN && err != unix.ENOBUFS || s.behind || waited+pause > fullFor:
			s.behind = true
			s.Sink.Dropped.Add(1)
			return
		}
		time.Sleep(pause)
		waited += pause
	}
}

// Accept implements hclog.SinkAdapter: warnings and errors, as "TAG: WHAT:
// REASON".
func (s *Syslog) Accept(_ string, level hclog.Level, msg string, args ...any) {
	if level < hclog.Warn {
		return
	}
	text, why := msg, ""
	var rest strings.Builder
	for i := 0; i+1 < len(args); i += 2 {
		key, value := toText(args[i]), toText(args[i+1])
		if key == "error" || key == "reason" {
			why = value
			continue
		}
		rest.WriteString(" " + key + "=" + value)
	}
	severity := record.Err
	if level == hclog.Warn {
		severity = record.Warning
	}
	what := text + rest.String()
	if why == "" {
		s.Text(severity, s.PID, []byte(s.Tag+": "+what))
		return
	}
	s.Text(severity, s.PID, record.AppendError(nil, s.Tag, what, why))
}

// Text sends one record about the process pid.
func (s *Syslog) Text(severity record.Severity, pid int, text []byte) {
	now := time.Now()
	_, offset := now.Zone()
	s.Sink.Put(record.AppendSyslog(nil, severity, now.Unix(), int32(offset), s.host, pid, text))
}

func toText(v any) string {
	if err, ok := v.(error); ok {
		return host.Reason(err)
	}
	return fmt.Sprint(v)
}

// ShortHost returns this host's name as syslog over UDP shows it.
func ShortHost() string {
	name, _ := os.Hostname()
	return record.ShortHost(name)
}
