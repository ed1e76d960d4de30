// Package scribe is a process that writes texts to where a write may block: to
// a file on a network disk, or to a terminal or pipe of another user. It reads
// them from a pipe, which fills up while the texts cannot be written, and ends
// when the pipe no longer has a writer.
package scribe

import (
	"bytes"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/worker/record"
)

// Arg0 distinguishes a scribe from other starts of the binary.
const Arg0 = "plug: scribe"

const (
	again = 200 * time.Millisecond // between attempts to write to a file that takes nothing
	last  = 5 * time.Second        // for such attempts, once the pipe no longer has a writer
)

// Main copies descriptor 0 to descriptor 1, or to a file that it opens itself, and
// returns the process's exit status.
func Main() int {
	// It ends after the last writer, whatever ends the other processes.
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGPIPE,
		syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
	to := 1
	if len(os.Args) > 1 {
		var err error
		if to, err = open(os.Args[1:]); err != nil {
			return 1
		}
	}
	pass(0, to, last)
	return 0
}

// pass copies from a pipe to a descriptor, until the pipe no longer has a
// writer or its texts cannot be written.
func pass(from, to int, last time.Duration) {
	var st unix.Stat_t
	file := unix.Fstat(to, &st) == nil && uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG
	texts := make([]byte, 1<<16)
	for {
		n, err := unix.Read(from, texts)
		switch {
		case err == unix.EINTR:
		case n <= 0:
			return
		case file && !writeLines(from, to, texts[:n], last):
			return
		case !file && !writeAll(to, texts[:n]):
			return
		}
	}
}

// writeAll writes to a pipe or a terminal. If its reader has gone, there will
// be no other.
func writeAll(to int, texts []byte) bool {
	for len(texts) > 0 {
		n, err := unix.Write(to, texts)
		if err != nil && err != unix.EINTR {
			return false
		}
		texts = texts[max(0, n):]
	}
	return true
}

// writeLines writes whole lines to a file. If a file takes nothing, for
// example on a full disk, it tries again; but once the pipe no longer has a
// writer it gives up after a time, as no process is left that would end it.
func writeLines(from, to int, texts []byte, last time.Duration) bool {
	var deadline time.Time
	for len(texts) > 0 {
		n, _ := unix.Write(to, texts)
		n = max(0, n)
		if n < len(texts) {
			whole := bytes.LastIndexByte(texts[:n], '\n') + 1
			record.CutBack(to, n-whole)
			n = whole
			time.Sleep(again)
		}
		texts = texts[n:]
		switch {
		case n > 0 || !hungUp(from):
			deadline = time.Time{}
		case deadline.IsZero():
			deadline = time.Now().Add(last)
		case time.Now().After(deadline):
			return false
		}
	}
	return true
}

// hungUp reports whether a pipe no longer has a writer.
func hungUp(pipe int) bool {
	p := []unix.PollFd{{Fd: int32(pipe)}}
	unix.Poll(p, 0)
	return p[0].Revents&unix.POLLHUP != 0
}

// Start starts a scribe that writes to fd, and returns the pipe to it, which
// is non-blocking. ended is closed when the scribe has ended. program is the
// running image.
func Start(program string, fd int, user *syscall.Credential) (pipe int, ended <-chan struct{}, err error) {
	return start(program, []string{Arg0}, user, uintptr(fd))
}

// start starts a scribe with arguments and descriptor 1.
func start(program string, argv []string, user *syscall.Credential, one uintptr) (pipe int, ended <-chan struct{}, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return -1, nil, err
	}
	defer r.Close()
	defer w.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return -1, nil, err
	}
	defer null.Close()
	if err = unix.SetNonblock(int(r.Fd()), false); err != nil {
		return -1, nil, err
	}
	pid, err := syscall.ForkExec(program, argv, &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0"},
		Files: []uintptr{r.Fd(), one, null.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Credential: user},
	})
	if err != nil {
		return -1, nil, err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		host.Wait(pid)
	}()
	pipe, err = unix.FcntlInt(w.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		err = unix.SetNonblock(pipe, true)
	}
	return pipe, over, err
}
