// The session file in the master: the lines of dead workers, what happens while a
// disk is full or away, and reopening.

package supervisor

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/sink"
	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
	"daemon/plug/worker/report"
)

// sessionFile is the master's part in the -S file: it opens the file, passes it to
// workers, notices that it was rotated, and writes the lines of workers that were
// killed.
type sessionFile struct {
	path string // "" without -S; "-" is stdout
	fd   int    // append-only; -1 without -S; the number never changes
	out  outlet // what is open; its descriptor is fd
	sink *sink.Sink
	fail func(error)

	closed chan struct{} // the master ends: no further tries
	lost   int           // lines dropped for that reason; the sink counts those that exceeded its limit
	said   bool          // it has been logged that the path cannot be opened again

	next []func(error) // admins who have requested a check while another one was in progress

	failing  atomic.Bool   // the current line could not be written and is retried
	retried  atomic.Uint64 // lines that were retried
	terminal sink.Terminal // used if the file is a terminal
}

// openPatience is how long a start waits for a file's disk.
const openPatience = 3 * time.Second

// openSessionFile opens the session file for the first time.
func (p *plug) openSessionFile() error {
	f, path := &p.sessionFile, p.cfg.SessionLog
	f.path, f.fd, f.fail = path, -1, p.sessionFailed
	if path == "" {
		return nil
	}
	out, err := openSession(path, p.credential())
	if err != nil {
		return err
	}
	f.use(out)
	return nil
}

// sessionFailed is called by the session file's writer, in its goroutine. The loop
// logs the error, because the generation may change.
func (p *plug) sessionFailed(err error) {
	say := func() {
		if p.generation.board.ShouldLog(board.LogSession, uint64(p.m.mono()/int64(time.Millisecond))) {
			if err == unix.EAGAIN {
				err = errors.New("it is full and no process is reading it")
			}
			p.log.Error("session file "+p.sessionFile.path, "error", err)
		}
	}
	if !p.m.do(say) {
		say() // the loop has ended: the generation no longer changes
	}
}

// use starts the writer of what was opened.
func (f *sessionFile) use(out outlet) {
	f.out, f.fd = out, out.fd
	f.closed = make(chan struct{})
	f.sink = sink.New(lineBound, f.append)
}

// named reports whether there is a path, which may name another file by now.
func (f *sessionFile) named() bool { return f.path != "" && f.path != "-" }

// write queues one line.
func (f *sessionFile) write(line []byte) {
	if f.sink != nil {
		f.sink.Put(line)
	}
}

// append writes one line (the sink's goroutine). A line that cannot be written is
// retried until it can, or until the master ends; the lines after it wait.
func (f *sessionFile) append(line []byte) {
	f.terminal.Prepare()
	for first := true; ; first = false {
		n, err := f.tryAppend(line)
		line = line[n:]
		f.failing.Store(err != nil)
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
	linesLast = time.Second            // for lines that still wait when the master ends
	lineAgain = 200 * time.Millisecond // between tries to write a session line
	lineBound = 1 << 16                // lines that may wait; those beyond it are lost, and counted
)

// tryAppend writes a line, and returns how much of it is written: all or nothing,
// except that a full terminal or pipe may take a part of it.
func (f *sessionFile) tryAppend(line []byte) (n int, err error) {
	for n < len(line) && err == nil {
		m := 0
		m, err = unix.Write(f.fd, line[n:]) // a second write succeeds, or returns the reason
		n += max(0, m)
		if m == 0 && err == nil {
			err = io.ErrShortWrite
		}
	}
	if err != nil && err != unix.EAGAIN && n > 0 {
		record.CutBack(f.fd, n)
		n = 0
	}
	return n, err
}

// check opens the path again, as user, if it names another file by now, or always if that is
// set. It runs in a goroutine, because the disk may be away. ok is false if there
// is nothing to do.
func (f *sessionFile) check(user *syscall.Credential, file fileID, always bool) (out outlet, ok bool, err error) {
	var named unix.Stat_t
	if !always && unix.Stat(f.path, &named) == nil && idOf(&named) == file {
		return outlet{}, false, nil
	}
	out, err = openPath(f.path, user)
	return out, err == nil, err
}

// replace replaces the open file under the same descriptor number, which workers
// that are being started have already been given.
func (f *sessionFile) replace(out outlet) error {
	defer unix.Close(out.fd)
	if err := host.Replace(out.fd, f.fd); err != nil {
		return err
	}
	out.fd = f.fd
	f.out = out
	return nil
}

// reopen checks the session file's path, and opens it again if it names another
// file, or if an admin has asked for it. It calls then in the loop with the
// result. If a disk does not answer, the admin gets that as the result, and
// nothing else waits.
func (p *plug) reopen(admin bool, then func(error)) {
	f := &p.sessionFile
	if !f.named() {
		then(nil)
		return
	}
	if a := p.m.asides[asideKey{aLook, p}]; a != nil {
		if admin && time.Since(a.since) < asideBound {
			f.next = append(f.next, then)
		} else if admin {
			err := fmt.Errorf("session file %s: %w", f.path, errAway)
			p.log.Error("reopen", "error", err)
			then(err)
		}
		return
	}
	var out outlet
	var ok bool
	var err error
	file, old := f.out.file, f.out.ended
	always := admin
	select {
	case <-old: // the scribe has ended, because it was killed
		always = true
	default:
	}
	user := p.credential()
	p.m.aside(asideKey{aLook, p}, f.path, func() { out, ok, err = f.check(user, file, always) }, func() {
		if ok {
			err = f.replace(out)
		}
		p.sessionFileChecked(admin, ok && err == nil, err)
		then(err)
		if next := f.next; len(next) > 0 {
			f.next = nil
			p.reopen(true, func(err error) {
				for _, then := range next {
					then(err)
				}
			})
		}
	})
}

// aLook is the name under which the session file's path is checked aside.
const aLook = "session file"

// sessionFileChecked handles the result of a check of the session file, and passes
// a new file to all workers. A failure is logged once, and each time an admin has
// asked.
func (p *plug) sessionFileChecked(admin, opened bool, err error) {
	f := &p.sessionFile
	if err != nil {
		if admin || !f.said {
			p.log.Error("reopen", "error", err)
		}
		f.said = true
		return
	}
	f.said = false
	if !opened {
		return
	}
	p.log.Info("session file reopened", "session-log", f.path)
	p.sendSessionFile()
}

// sendSessionFile passes the session file to all workers.
func (p *plug) sendSessionFile() {
	rights := unix.UnixRights(p.sessionFile.fd)
	for _, c := range p.roster {
		if c.state != gone {
			if err := unix.Sendmsg(c.lifeline, []byte{byte(report.Session)}, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL); err != nil {
				p.log.Debug("lifeline", "pid", c.pid, "error", err)
			}
		}
	}
}

// close writes the last lines, and returns how many could not be written.
func (f *sessionFile) close() (lost int) {
	if f.sink == nil {
		return 0
	}
	if !f.sink.Flush(linesLast) {
		close(f.closed)
		if !f.sink.Flush(lineAgain) { // its writer is blocked in the kernel
			return len(f.sink.Waiting()) + int(f.sink.Dropped.Load())
		}
	}
	return f.lost + int(f.sink.Dropped.Load())
}

// pending returns the lines that could not be written, for the new master: after
// this one's end, no other process would write them.
func (f *sessionFile) pending() (lines []string) {
	if f.sink == nil {
		return nil
	}
	for _, line := range f.sink.Waiting() {
		lines = append(lines, string(line))
	}
	return lines
}
