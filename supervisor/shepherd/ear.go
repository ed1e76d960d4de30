package shepherd

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// word is one line from a master.
type word struct {
	text string
	pid  int
	more string
}

// ear hears the words of masters. Its goroutine only tells that there are some:
// they are taken by who acts on signals, and before it does, so that what was said
// first is known first.
type ear struct {
	socket syscall.RawConn
	there  chan struct{} // something has been said
	begun  []byte        // of a line whose end has not come yet
	piece  [4096]byte    // of what is taken, kept: garbage of each look would add up to MiB
}

// newEar listens at the starter socket, which doesn't block.
func newEar(starter *os.File) (*ear, error) {
	socket, err := starter.SyscallConn()
	if err != nil {
		return nil, err
	}
	e := &ear{socket: socket, there: make(chan struct{})}
	go e.wait()
	return e, nil
}

// wait tells of words, until the last master has ended.
func (e *ear) wait() {
	first := make([]byte, 1)
	for {
		n := 0
		err := e.socket.Read(func(fd uintptr) bool {
			var err error
			n, _, err = unix.Recvfrom(int(fd), first, unix.MSG_PEEK|unix.MSG_DONTWAIT)
			return err != unix.EAGAIN
		})
		if err != nil || n <= 0 {
			return
		}
		e.there <- struct{}{}
	}
}

// take returns all that has been said and not been taken yet.
func (e *ear) take() (words []word) {
	for {
		n := 0
		e.socket.Control(func(fd uintptr) { n, _, _ = unix.Recvfrom(int(fd), e.piece[:], unix.MSG_DONTWAIT) })
		if n <= 0 {
			return words
		}
		e.begun = append(e.begun, e.piece[:n]...)
		for {
			line, rest, whole := bytes.Cut(e.begun, []byte("\n"))
			if !whole {
				break
			}
			if w := wordOf(string(line)); w.pid > 0 {
				words = append(words, w)
			}
			e.begun = rest
		}
	}
}

// wordOf understands a line; nonsense is said by PID 0.
func wordOf(line string) word {
	fields := append(strings.SplitN(line, " ", 3), "", "")
	pid, _ := strconv.Atoi(fields[1])
	return word{text: fields[0], pid: pid, more: fields[2]}
}
