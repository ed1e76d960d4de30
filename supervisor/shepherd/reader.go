// Reading masters' messages from the starter socket.

package shepherd

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// message is one line from a master.
type message struct {
	text string
	pid  int
	more string
}

// reader receives the messages of masters. Its goroutine only reports that
// there are some: the goroutine that handles signals takes them, before it
// handles a signal, so that what was sent first is known first. It allocates
// almost nothing: over years, garbage would reach MiB before the first
// collection.
type reader struct {
	socket syscall.RawConn
	there  chan struct{} // there are messages
	over   atomic.Bool   // the last master has ended
	piece  [4096]byte    // buffer for a read
	begun  []byte        // the beginning of an incomplete line
}

// newReader reads from the starter socket, which is non-blocking.
func newReader(starter *os.File) (*reader, error) {
	socket, err := starter.SyscallConn()
	if err != nil {
		return nil, err
	}
	e := &reader{socket: socket, there: make(chan struct{})}
	go e.wait()
	return e, nil
}

// wait reports messages until the last master has ended.
func (e *reader) wait() {
	poll := make([]unix.PollFd, 1)
	readable := func(fd uintptr) bool {
		poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		n, _ := unix.Poll(poll, 0)
		return n > 0
	}
	for e.socket.Read(readable) == nil && !e.over.Load() {
		e.there <- struct{}{}
	}
}

// take returns all messages that have not been taken yet.
func (e *reader) take() (messages []message) {
	var n int
	var err error
	read := func(fd uintptr) { n, err = unix.Read(int(fd), e.piece[:]) }
	for {
		n = 0
		if e.socket.Control(read) != nil || n <= 0 {
			e.over.Store(n == 0 && err == nil)
			return messages
		}
		e.begun = append(e.begun, e.piece[:n]...)
		rest := e.begun
		for {
			line, more, whole := bytes.Cut(rest, []byte("\n"))
			if !whole {
				break
			}
			if m := messageOf(string(line)); m.pid > 0 {
				messages = append(messages, m)
			}
			rest = more
		}
		e.begun = append(e.begun[:0], rest...)
	}
}

// messageOf parses a line; a malformed one has PID 0.
func messageOf(line string) message {
	fields := append(strings.SplitN(line, " ", 3), "", "")
	pid, _ := strconv.Atoi(fields[1])
	return message{text: fields[0], pid: pid, more: fields[2]}
}
