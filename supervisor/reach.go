// Whether syslog takes records: checked at the start and after a loss, and logged
// where an admin finds it.

package supervisor

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

// errStreamSocket is that of a syslog daemon that takes no datagrams.
var errStreamSocket = errors.New("it is a stream socket; plug needs a datagram socket, or udp://ADDRESS:PORT (--syslog)")

// errSyslogFull is that of a syslog daemon that does not keep up.
var errSyslogFull = errors.New("its queue is full")

// reach is why the syslog socket takes no datagrams; nil if it does. Connecting
// says so without sending one.
func (s *syslogSink) reach() error {
	if s.path == "" {
		return nil // UDP: that can't be known
	}
	fd, err := host.Socket(unix.AF_UNIX, unix.SOCK_DGRAM)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err = unix.Connect(fd, &unix.SockaddrUnix{Name: s.path}); err { // s.to is the sink's
	case nil:
	case unix.EPROTOTYPE:
		return errStreamSocket
	default:
		return err
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0); err != nil || n != 1 {
		return errSyslogFull
	}
	return nil
}

// reachSoon is reach for a start: the path may lead to a disk that is away.
func (s *syslogSink) reachSoon() error {
	_, err := within(openPatience, "syslog "+s.path, nothing(s.reach))
	return err
}

// checkSyslog says on stderr, before a daemon has let go of that, that syslog will
// lose records: all of a daemon's errors, and with -n what goes there for -l and -a.
func (m *master) checkSyslog() {
	if m.cfg.Foreground && !m.cfg.Log && len(m.cfg.Rules) == 0 {
		return
	}
	why := m.syslog.reachSoon()
	switch {
	case why == nil || why == errSyslogFull:
	case m.cfg.Foreground:
		m.dropReport.unreachable = true
		m.sayUnreachable(why)
	default:
		fmt.Fprintf(m.stderr, "plug: syslog %s: %s; records are lost until it can be reached\n", m.syslog.path, host.Reason(why))
		m.stderr.flush(flushReplaced) // Ready lets go of it
	}
}

func (m *master) sayUnreachable(why error) {
	m.log.Warn("syslog cannot be reached; records are lost", "socket", m.syslog.path, "reason", host.Reason(why))
}

// noteLostRecords tells syslog what it has missed, once it takes records again;
// until then, with -n, stderr is told once.
func (m *master) noteLostRecords(lost uint64) {
	if lost == m.dropReport.told.Records {
		return
	}
	var why error
	settled := lost == m.dropReport.seen.Records // no more for a second
	m.aside("syslog", m.syslog.path, func() { why = m.syslog.reach() }, func() { m.syslogChecked(lost, settled, why) })
}

// syslogChecked does what follows from whether somebody takes records.
func (m *master) syslogChecked(lost uint64, settled bool, why error) {
	l := &m.dropReport
	switch {
	case why == nil && settled:
		l.unreachable = false
		m.tellLostRecords(lost - l.told.Records)
		l.told.Records = lost
	case why != nil && m.cfg.Foreground && !l.unreachable:
		l.unreachable = true
		m.sayUnreachable(why)
	}
}
