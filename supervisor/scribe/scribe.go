// Package scribe is a process that writes texts where a writer may have to wait:
// to a file on a network's disk, or to a terminal or pipe of another user. It reads
// them from a pipe, whose writers find it full when nobody takes the texts, and
// ends when the pipe has no writer any more.
package scribe

import (
	"bytes"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker"
)

// Arg0 is how a scribe is told from any other start of the binary.
const Arg0 = "plug: scribe"

// again is the time between tries to write to a file that takes nothing.
const again = 200 * time.Millisecond

// Main writes what comes on descriptor 0 to descriptor 1, and returns the
// process's exit status.
func Main() int {
	// It ends after the last writer, whatever ends the others.
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGPIPE,
		syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
	var st unix.Stat_t
	file := unix.Fstat(1, &st) == nil && uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG
	texts := make([]byte, 1<<16)
	for {
		n, err := unix.Read(0, texts)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || !writeAll(texts[:n], file) {
			return 0
		}
	}
}

// writeAll writes whole lines. A file that takes nothing, like one on a full
// disk, is tried again; another reader that has gone does not come back.
func writeAll(texts []byte, file bool) bool {
	for len(texts) > 0 {
		n, err := unix.Write(1, texts)
		n = max(0, n)
		if file && n < len(texts) {
			whole := bytes.LastIndexByte(texts[:n], '\n') + 1
			worker.CutBack(1, n-whole)
			n = whole
			time.Sleep(again)
		}
		texts = texts[n:]
		if err != nil && err != unix.EINTR && !file {
			return false
		}
	}
	return true
}

// Start starts a scribe that writes to fd, and returns the pipe to it, which does
// not block. ended is closed when it has ended. program is the running image.
func Start(program string, fd int, user *syscall.Credential) (pipe int, ended <-chan struct{}, err error) {
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
	pid, err := syscall.ForkExec(program, []string{Arg0}, &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0"},
		Files: []uintptr{r.Fd(), uintptr(fd), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Credential: user},
	})
	if err != nil {
		return -1, nil, err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
				return
			}
		}
	}()
	pipe, err = unix.FcntlInt(w.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		err = unix.SetNonblock(pipe, true)
	}
	return pipe, over, err
}
