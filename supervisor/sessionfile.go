package supervisor

import (
	"cmp"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker"
	"daemon/plug/worker/report"
)

// sessionFile is the master's part in the -S file: it opens it, hands it to
// workers, notices that it was rotated away, and writes the lines of workers
// that were killed.
type sessionFile struct {
	path string // "" without -S; "-" is stdout
	fd   int    // append-only; -1 without -S; the number stays
	sink *sink
	fail func(error)

	closed chan struct{} // the master ends: nothing is tried again
	lost   int           // lines given up for that; the sink counts those that found no room

	retried  atomic.Uint64  // lines that had to be written again
	terminal terminalWriter // it may be one
}

// open opens the session file for the first time.
func (f *sessionFile) open(path string, fail func(error)) error {
	f.path, f.fd, f.fail = path, -1, fail
	switch path {
	case "":
		return nil
	case "-":
		f.fd = 1
	default:
		fd, err := openSession(path)
		if err != nil {
			return err
		}
		f.fd = fd
	}
	f.closed = make(chan struct{})
	f.sink = newSink(lineBound, f.append)
	return nil
}

func openSession(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOCTTY, 0o644)
	if err != nil {
		return -1, fmt.Errorf("session file %s: %w", path, err)
	}
	return fd, nil
}

// write queues one line.
func (f *sessionFile) write(line []byte) {
	if f.sink != nil {
		f.sink.put(line)
	}
}

// append writes one line (the sink's goroutine). A line that can't be written
// is tried again until it can, or until the master ends: those behind it wait.
func (f *sessionFile) append(line []byte) {
	f.terminal.prepare()
	for first := true; ; first = false {
		err := f.tryAppend(line)
		if err == nil {
			return
		}
		if first {
			f.retried.Add(1)
			f.fail(err)
		}
		select {
		case <-f.closed:
			f.lost++
			return
		case <-time.After(lineAgain):
		}
	}
}

const (
	lineAgain = 200 * time.Millisecond // between tries to write a session line
	lineBound = 1 << 16                // lines that may wait; beyond it they are lost, and counted
)

func (f *sessionFile) tryAppend(line []byte) error {
	n, err := unix.Write(f.fd, line)
	if err == nil && n < len(line) {
		m := 0
		if m, err = unix.Write(f.fd, line[n:]); err != nil || n+m < len(line) { // which fits, or tells the reason
			worker.CutBack(f.fd, n+max(0, m))
			err = cmp.Or(err, io.ErrShortWrite)
		}
	}
	return err
}

// rotated tells whether the path names another file by now, or none.
func (f *sessionFile) rotated() bool {
	if f.path == "" || f.path == "-" {
		return false
	}
	var open, named unix.Stat_t
	if unix.Fstat(f.fd, &open) != nil {
		return true
	}
	return unix.Stat(f.path, &named) != nil || open.Ino != named.Ino || open.Dev != named.Dev
}

// reopen opens the path again, under the number that the old file had: births
// that are on their way have been told it. If that fails the old file is
// written on.
func (f *sessionFile) reopen() error {
	if f.path == "" || f.path == "-" {
		return nil
	}
	fd, err := openSession(f.path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return replace(fd, f.fd)
}

// reopen opens the session file anew and hands it to all workers.
func (m *master) reopen() error {
	if m.sessionFile.path == "" || m.sessionFile.path == "-" {
		return nil
	}
	if err := m.sessionFile.reopen(); err != nil {
		if !m.sessionBroken {
			m.sessionBroken = true
			m.log.Error("reopen", "error", err)
		}
		return err
	}
	m.sessionBroken = false
	m.log.Info("session file reopened", "session-log", m.sessionFile.path)
	rights := unix.UnixRights(m.sessionFile.fd)
	for _, c := range m.roster {
		if c.state != gone {
			if err := unix.Sendmsg(c.lifeline, []byte{byte(report.Session)}, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL); err != nil {
				m.log.Debug("lifeline", "pid", c.pid, "error", err)
			}
		}
	}
	return nil
}

// close writes the last lines, and tells how many could not be written.
func (f *sessionFile) close() (lost int) {
	if f.sink == nil {
		return 0
	}
	if !f.sink.flush(5 * lineAgain) {
		close(f.closed)
		f.sink.flush(time.Second)
	}
	return f.lost + int(f.sink.dropped.Load())
}

// pending are the lines that wait because they could not be written, for
// another master to write: after this one's end nobody else would.
func (f *sessionFile) pending() (lines []string) {
	if f.sink == nil {
		return nil
	}
	for _, line := range f.sink.waiting() {
		lines = append(lines, string(line))
	}
	return lines
}
