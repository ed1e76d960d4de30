// Descriptors that workers write text to: the session file and stderr, made so
// that no writer waits for a disk or a reader.

package supervisor

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/scribe"
)

// outlet is a descriptor for workers' text that leads outside the plug. Its reader
// may not read, or its disk may be away, so it is chosen such that a writer never
// waits:
//
//   - A regular file on a disk of this host is used as it is.
//   - So is a socket, to which writers send with MSG_DONTWAIT.
//   - Pipes, FIFOs and terminals are opened a second time with O_NONBLOCK. Setting
//     that flag on the starter's descriptor would set it for the starter's shell too.
//   - In all other cases a scribe stands between.
type outlet struct {
	fd     int
	socket bool
	file   fileID          // the file that was opened
	ended  <-chan struct{} // closed when the scribe has ended; nil if there is none
}

// fileID identifies a file.
type fileID struct{ device, inode uint64 }

func idOf(st *unix.Stat_t) fileID { return fileID{uint64(st.Dev), uint64(st.Ino)} }

// openOutlet makes an outlet from a descriptor that this process was given: stdout
// or stderr. If that needs another descriptor, the given one stays open. A scribe
// runs as user.
func openOutlet(fd int, user *syscall.Credential) (o outlet, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return outlet{fd: fd}, nil // closed: writes fail at once
	}
	o = outlet{fd: fd, file: idOf(&st)}
	switch uint32(st.Mode) & unix.S_IFMT {
	case unix.S_IFSOCK:
		o.socket = true
		return o, nil
	case unix.S_IFREG:
		// Without O_APPEND, after the file is truncated the next line would begin
		// with NULs.
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil {
			unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_APPEND)
		}
		if host.OnLocalDisk(fd) {
			return o, nil
		}
	case unix.S_IFIFO, unix.S_IFCHR:
		if again, err := host.OpenAgain(fd, &st); err == nil {
			o.fd = again
			return o, nil
		}
	default:
		return o, nil
	}
	o.fd, o.ended, err = scribe.Start(host.Image(), fd, user)
	return o, err
}

// openSession opens the session file at a path, for a plug whose workers run as user. It
// fails if the file's disk does not answer within openPatience.
func openSession(path string, user *syscall.Credential) (outlet, error) {
	open := func() (outlet, error) { return openPath(path, user) }
	return withinOr(openPatience, "session file "+path, open, func(late outlet, err error) {
		if err == nil && late.fd != 1 {
			unix.Close(late.fd)
		}
	})
}

// openPath is like openSession, but waits for the disk. A file on a disk that may be away is
// opened by its scribe, never by the master.
func openPath(path string, user *syscall.Credential) (o outlet, err error) {
	if path == "-" {
		return openOutlet(1, user)
	}
	if mayHang(path) {
		var s scribe.Opened
		s, err = scribe.Open(host.Image(), path, user)
		o = outlet{fd: s.Pipe, file: fileID{s.Device, s.Inode}, ended: s.Ended}
	} else {
		o, err = openLocal(path)
	}
	if err != nil {
		return outlet{fd: -1}, fmt.Errorf("session file %s: %w", path, err)
	}
	return o, nil
}

// mayHang reports whether a path is a regular file, or would become one, on a disk that
// may be away. A symbolic link to a file that does not exist counts.
func mayHang(path string) bool {
	var st unix.Stat_t
	switch err := unix.Stat(path, &st); {
	case err == nil:
		return uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG && !host.IsLocalPath(path)
	case err != unix.ENOENT:
		return false // open(2) fails for the same reason
	case unix.Lstat(path, &st) == nil:
		return true
	}
	dir := filepath.Dir(path)
	return unix.Stat(dir, &st) == nil && !host.IsLocalPath(dir)
}

// openLocal opens a file on a disk of this host, or what is no regular file.
func openLocal(path string) (o outlet, err error) {
	fd, err := unix.Open(path, scribe.Flags, 0o644)
	if err == unix.ENXIO {
		err = errors.New("no process is reading this FIFO")
	}
	if err != nil {
		return outlet{fd: -1}, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return outlet{fd: -1}, err
	}
	return outlet{fd: fd, file: idOf(&st)}, nil
}

// credential returns the user that workers run as; nil is this process's own user.
func (p *plug) credential() *syscall.Credential { return credentialOf(p.cfg) }

func credentialOf(cfg *config.Plug) *syscall.Credential {
	if u := cfg.User; u != nil {
		return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
	}
	return nil
}

// credential returns the user for processes that serve all plugs: with one plug,
// that of its workers; otherwise nil, this process's own user.
func (m *master) credential() *syscall.Credential {
	if len(m.plugs) == 1 {
		return m.plugs[0].credential()
	}
	return nil
}
