// Package pidfile owns one plug's pidfile: it controls who may write it, and
// readers always read a complete file.
//
// The claim is a flock(2) on the file's inode, so it ends when the last
// descriptor is closed, however the process ends, and passes with the
// descriptor to another process. Content is never edited: it is written to a
// temporary file in the same directory, locked, and renamed over the path, so
// the path always names a locked file and a reader keeps the version that it
// opened. Where that is not possible the file is rewritten in place under its
// lock; InPlace then says why, and inplace.go what a reader may see.
//
//	f, err := pidfile.Claim("/run/plug.pid", os.Getpid())
//	f.Write([]int{master, worker, worker})
//	f.Remove()
//
// A master that upgrades passes FD to its successor, which calls Adopt; then
// one of the two calls Close.
package pidfile

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience limits how long Claim waits while the path is changing: another
	// process is starting, or a holder is dying or handing over.
	patience = 2 * time.Second

	// settle is how long a held file must name the same living process before
	// Claim believes it. While a starter replaces a stale file, it holds that
	// file for two system calls, and the dead master's PID is still in it.
	settle = 15 * time.Millisecond

	// tries limits the attempts of Write, which never sleeps.
	tries = 8
)

// File is a claimed pidfile. It is not safe for concurrent use.
type File struct {
	given  string // the path as the admin wrote it, for messages
	abs    string // the same, absolute
	path   string // absolute, not a link
	target string // where the links at abs now lead; "" means path
	fd     int    // the locked descriptor, owned; -1 after Remove or Close
	id     inode  // of fd
	reason string // why the file is rewritten in place; "" means that it is replaced
	buf    []byte // the content to be written, reused

	retired chan int        // descriptors of replaced files, to be closed; nil before the first
	closeFD func(int) error // close(2); slower in tests
}

// Claim takes the pidfile at path for this process and writes pid as its only
// line. A missing file is created, a stale one (its lock is free) is replaced;
// a symbolic link at path is resolved now and kept. Claim waits at most two
// seconds while the path is changing hands.
//
// It returns a *HeldError if another process has the lock. All other errors
// read "pidfile PATH: reason" and wrap the system's error where there is one.
func Claim(path string, pid int) (*File, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := f.format([]int{pid}); err != nil {
		return nil, f.wrap(err)
	}
	start := time.Now()
	var seen, since = 0, start
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := f.put()
		if err == nil {
			sweep(f.path)
			return f, nil
		}
		now := time.Now()
		var held *HeldError
		switch {
		case errors.As(err, &held):
			if held.PID != seen {
				seen, since = held.PID, now
			}
			if now.Sub(since) >= settle && alive(held.PID) {
				return nil, err
			}
		case err != errMoved:
			_ = f.Close()
			return nil, f.wrap(err)
		}
		if now.Sub(start) >= patience {
			return nil, f.wrap(err)
		}
		time.Sleep(pause)
	}
}

// Adopt continues a pidfile whose locked descriptor another process has handed
// over. The content stays as it is until the first Write, which also finds out
// whether the file must be rewritten in place. From then on f owns fd and
// makes it close-on-exec. On an error the caller still owns fd; the error is a
// *HeldError if fd is not locked but another process's descriptor is. A
// missing directory is not an error: Write fails until it is back.
func Adopt(path string, fd int) (*File, error) {
	f, away := open(path)
	id, err := identify(fd)
	if err != nil {
		return nil, f.wrap(err)
	}
	// The lock belongs to the open file: taking it again through the same one
	// changes nothing, and taking it through another one proves that it was
	// not locked.
	if err := flock(fd); err == unix.EWOULDBLOCK {
		return nil, &HeldError{Path: path, PID: holder(fd)}
	} else if err != nil {
		return nil, f.wrap(err)
	}
	unix.CloseOnExec(fd)
	f.fd, f.id = fd, id
	if away == nil {
		f.strayed()
	}
	return f, nil
}

// open returns an unclaimed File. On an error, it has the path as it was
// given.
func open(path string) (f *File, err error) {
	f = &File{given: path, fd: -1, closeFD: unix.Close}
	if f.abs, err = absolute(path); err == nil {
		f.path = f.abs
		var to string
		if to, err = resolve(f.abs); err == nil {
			f.path = to
		}
	}
	return f, f.wrap(err)
}

// Write replaces the whole content: one decimal PID per line, the master
// first.
//
// If the file was removed or replaced, Write puts it back; but if another live
// process holds the lock of the replacement, that process keeps the path and
// Write returns a *HeldError. After any error the old content is still there
// (in place: see rewrite) and the next Write may succeed. It never sleeps, and
// never syncs: a pidfile is worth nothing after a crash of the system.
func (f *File) Write(pids []int) error {
	if f.fd < 0 {
		return f.wrap(errors.New("cannot be written after its release"))
	}
	return f.write(pids)
}

func (f *File) write(pids []int) error {
	if err := f.format(pids); err != nil {
		return f.wrap(err)
	}
	err := f.put()
	for n := 1; err == errMoved && n < tries; n++ {
		err = f.put()
	}
	return f.wrap(err)
}

// format fills the buffer with pids.
func (f *File) format(pids []int) error {
	if len(pids) == 0 {
		return errors.New("no PID to write")
	}
	f.buf = f.buf[:0]
	for _, pid := range pids {
		if pid <= 0 {
			return fmt.Errorf("%d is not a PID", pid)
		}
		f.buf = strconv.AppendInt(f.buf, int64(pid), 10)
		f.buf = append(f.buf, '\n')
	}
	return nil
}

// InPlace reports whether the file is rewritten in place, and why. This may
// become true in a Write, when a directory stops being writable.
func (f *File) InPlace() (bool, string) { return f.reason != "", f.reason }

// Path is the file's absolute path, with all links resolved; it stays correct
// when the process changes its directory.
func (f *File) Path() string { return f.path }

// FD is the locked descriptor, to be handed over. f still owns it, and the
// next Write may close it: pass it on at once, and do not write again until
// the other side has adopted it or failed.
func (f *File) FD() int { return f.fd }

// Remove unlinks the file, if the path still names ours, and releases it. If
// it cannot be unlinked (a mount, an unwritable directory), Remove empties it,
// so that no reader takes the old PIDs for live ones.
func (f *File) Remove() error {
	if f.fd < 0 {
		return nil
	}
	mine, err := f.owns()
	if mine {
		err = unix.Unlink(f.path)
		if err != nil && unix.Ftruncate(f.fd, 0) == nil {
			err = nil
		}
	}
	_ = f.Close()
	return f.wrap(err)
}

// Close releases the file without unlinking it. The lock ends only with its
// last descriptor, so a process that has adopted the file keeps it.
func (f *File) Close() error {
	if f.retired != nil {
		close(f.retired) // the closer goroutine closes the rest
		f.retired = nil
	}
	if f.fd < 0 {
		return nil
	}
	// Never LOCK_UN: it would unlock the successor's descriptor as well.
	err := unix.Close(f.fd)
	f.fd = -1
	return f.wrap(err)
}

// wrap adds the path of the pidfile to an error.
func (f *File) wrap(err error) error {
	if _, ok := err.(*HeldError); ok || err == nil {
		return err
	}
	return fmt.Errorf("pidfile %s: %w", f.given, err)
}
