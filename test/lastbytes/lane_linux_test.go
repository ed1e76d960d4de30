// TestLastBytes: a lane, on which scenarios are played one after another.

package lastbytes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// lane is one path from clients to a target, on which scenarios are played one
// after another: its own target, and what lies before it.
type lane struct {
	t    testing.TB
	ln   *net.TCPListener
	to   string      // where clients connect
	said *sayingFile // session lines; nil without a plug
	n    int         // scenarios so far

	bound time.Duration // maximum duration of a scenario
}

// openLane makes a lane on which clients connect directly to the target.
func openLane(t testing.TB) *lane {
	t.Helper()
	listen := net.ListenConfig{Control: inLine}
	ln, err := listen.Listen(context.Background(), "tcp", harness.Anywhere)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &lane{t: t, ln: ln.(*net.TCPListener), to: ln.Addr().String(), bound: 20 * time.Second}
}

// inLine makes urgent bytes stay in their position (socket(7) SO_OOBINLINE);
// accepted sockets inherit it.
func inLine(_, _ string, raw syscall.RawConn) (err error) {
	if also := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1) }); also != nil {
		return also
	}
	return err
}

// through puts a plug between the lane's clients and its target.
func (l *lane) through(p *harness.Plug) *lane {
	l.to = p.Addr()
	l.said = &sayingFile{path: p.Sessions}
	return l
}

// play plays a scenario and returns what is wrong with its outcome.
func (l *lane) play(s scenario) faults {
	until := time.Now().Add(l.bound)
	table, half := noiseTable(), uint64(mostSent)
	up, down := table[s.seed%half:][:mostSent+1024], table[(s.seed*7+13)%half:][:mostSent+1024]
	client, target := newSide(s.client, until, up, down), newSide(s.target, until, down, up)
	client.peer, target.peer = target, client

	l.n++
	own := net.IPv4(127, 18, byte(l.n>>8), byte(l.n)) // a session line names its client by this address
	dialer := net.Dialer{Deadline: until, Control: inLine, LocalAddr: &net.TCPAddr{IP: own}}
	c, err := dialer.Dial("tcp", l.to)
	if err != nil {
		return faults{fmt.Sprintf("the client can't connect: %v", err)}
	}
	from := own.String()
	over := make(chan struct{})
	go func() {
		defer close(over)
		client.play(c.(*net.TCPConn))
	}()
	if s.late {
		client.await("rest, to be accepted", client.idle)
	}
	k, line := l.accept(client, over, from, until)
	if k != nil {
		target.play(k)
	} else {
		target.done.Store(true)
	}
	<-over
	return l.faults(s, client, target, k != nil, line, from)
}

// faults judges a scenario that has been played.
func (l *lane) faults(s scenario, client, target *side, connected bool, line *harness.SessionLine, from string) (v faults) {
	ca := &account{client.seen, client.sent.Load(), client.got.Load()}
	var ta *account
	if connected {
		ta = &account{target.seen, target.sent.Load(), target.got.Load()}
	}
	v = judgeEnds(s, ca, ta)
	if l.said == nil {
		return v
	}
	if line == nil {
		line = l.said.await(from, time.Now().Add(l.bound))
	}
	if line == nil {
		v.say("no session line")
		return v
	}
	v.judgeLine(s, *line, ca, ta)
	return v
}

// accept returns the target's end of the client's connection. It is nil if the
// client has gone before there was a connection to the target: with a plug,
// the session line shows that there will be none.
func (l *lane) accept(client *side, over <-chan struct{}, from string, until time.Time) (c *net.TCPConn, line *harness.SessionLine) {
	gone := false
	for time.Now().Before(until) {
		l.ln.SetDeadline(time.Now().Add(50 * time.Millisecond))
		if line != nil {
			until = time.Now() // this is the last attempt
		}
		c, err := l.ln.AcceptTCP()
		if err == nil {
			return c, line
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			l.t.Error("target:", err)
			return nil, line
		}
		select {
		case <-over:
		default:
			continue
		}
		switch {
		case l.said != nil:
			line = l.said.await(from, time.Now().Add(instant))
		case !gone: // what is on its way still arrives
			until, gone = time.Now().Add(500*time.Millisecond), true
		}
	}
	return nil, line
}

// sayingFile is a session file that is read as it grows.
type sayingFile struct {
	path string
	read int64
	part string
	had  map[string]harness.SessionLine
}

// await returns the line of a client's session, or nil if it does not come in
// time.
func (f *sayingFile) await(client string, until time.Time) (line *harness.SessionLine) {
	harness.HoldsWithin(time.Until(until), func() bool {
		f.more()
		if l, ok := f.had[client]; ok {
			line = &l
			delete(f.had, client)
		}
		return line != nil
	})
	return line
}

// more reads what has been written since.
func (f *sayingFile) more() {
	file, err := os.Open(f.path)
	if err != nil {
		return
	}
	defer file.Close()
	b := make([]byte, 64<<10)
	n, _ := file.ReadAt(b, f.read)
	f.read += int64(n)
	f.part += string(b[:n])
	if f.had == nil {
		f.had = map[string]harness.SessionLine{}
	}
	for {
		text, rest, whole := strings.Cut(f.part, "\n")
		if !whole {
			return
		}
		f.part = rest
		if l, err := harness.ParseSessionLine(text); err == nil {
			f.had[l.Peer] = l
		}
	}
}
