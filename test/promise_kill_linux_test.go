// Tests of DESIGN's promise about killed processes: only their sessions end.

package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// childrenOf lists the processes, including dead ones, whose parent is pid.
func childrenOf(pid int) (found []process) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		n, _ := strconv.Atoi(filepath.Base(d))
		if q, err := readProcess(n); err == nil && q.ppid == pid {
			found = append(found, q)
		}
	}
	return found
}

// bystander is a session that must not be affected: bytes go back and forth in
// it until it is ended.
type bystander struct {
	conn *net.TCPConn
	stop chan struct{}
	end  chan error
	n    int64
}

func stand(c *net.TCPConn) *bystander {
	c.SetDeadline(time.Now().Add(time.Minute))
	b := &bystander{conn: c, stop: make(chan struct{}), end: make(chan error, 1)}
	go func() { b.end <- b.run(7) }()
	return b
}

func (b *bystander) run(seed uint64) error {
	out, in, piece := stream(seed), newChecker(seed), make([]byte, 4096)
	for {
		select {
		case <-b.stop:
			return finish(b.conn)
		default:
		}
		io.ReadFull(out, piece)
		if _, err := b.conn.Write(piece); err != nil {
			return err
		}
		if _, err := io.CopyN(in, plain{b.conn}, int64(len(piece))); err != nil {
			return fmt.Errorf("after %d bytes: %w", in.n, err)
		}
		b.n = in.n
	}
}

// ended ends the session and checks that it has received every byte.
func (b *bystander) ended(t testing.TB) {
	t.Helper()
	close(b.stop)
	select {
	case err := <-b.end:
		if err != nil {
			t.Errorf("a session of another worker: %v", err)
		} else if b.n == 0 {
			t.Error("a session has carried nothing")
		}
	case <-time.After(talkBound):
		t.Error("a session does not end")
	}
}

// second is a target, or a proxy, whose second connection the test controls,
// unless there must be none; for all others it is an echo.
type second struct {
	*backend
	taken chan *net.TCPConn
}

func serveSecond(t *testing.T, proxy, none bool) *second {
	s := &second{taken: make(chan *net.TCPConn, 1)}
	var n atomic.Int64
	s.backend = serve(t, anywhere, func(c *net.TCPConn) {
		if n.Add(1) == 2 && !none {
			s.taken <- c
			select {}
		}
		if proxy {
			readHead(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		}
		echo(c)
	})
	return s
}

// If a worker is killed, only its sessions end, in whatever state they are
// (DESIGN, promise 6): the others continue without losing a byte, each session
// has one line, the next client is served, and at the end no process or
// resource is left.
func TestPromiseWorkerKilled(t *testing.T) {
	if !ownNet(t) {
		return
	}
	for _, c := range []struct {
		state string
		proxy bool
		far   bool // the second session's target is silent
		reach func(client, target *net.TCPConn)
	}{
		{"connecting", false, true, nil},
		{"negotiating", true, false, func(_, proxy *net.TCPConn) { readHead(proxy) }},
		{"relaying", false, false, func(client, target *net.TCPConn) {
			cram(client)
			cram(target)
		}},
		{"half-closed", false, false, func(client, target *net.TCPConn) {
			client.CloseWrite()
			io.ReadAll(target)
		}},
	} {
		t.Run(c.state, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				s := serveSecond(t, c.proxy, c.far)
				args := append(sparesArgs(mode, 4), "--connect-timeout", "20s")
				switch {
				case c.proxy:
					args = append(args, "-h", s.addr(), "192.0.2.1:9")
				case c.far:
					args = append(args, s.addr(), listenSilent(t).addr())
				default:
					args = append(args, s.addr())
				}
				p := start(t, mode, args...)
				p.spares(4)
				first := dial(t, p.addr())
				mustPing(t, first)
				beside := p.carrier(first)
				b := stand(first)

				if mode == "pool" {
					p.freeze(beside) // so that another worker takes the second one
				}
				client := dialNarrow(t, p.addr())
				client.SetDeadline(time.Now().Add(talkBound))
				if !c.far {
					target := <-s.taken
					target.SetDeadline(time.Now().Add(talkBound))
					c.reach(client, target)
				}
				victim := p.carrier(client)
				if victim == beside {
					t.Fatalf("worker %d has both sessions", victim)
				}
				syscall.Kill(beside, syscall.SIGCONT)
				if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				if err := hungUp(client); err != nil {
					t.Errorf("the killed session's client: %v", err)
				}
				began := time.Now()
				cycle(t, p)
				if took := time.Since(began); took > time.Second {
					t.Errorf("the next client waited %v", took)
				}
				p.lines(2)
				b.ended(t)
				p.lines(3)
				await(t, "no dead child of the master", shortWait, func() bool { return len(p.zombies()) == 0 })
				want := fmt.Sprintf("plug: master %d (0 sessions)", p.port)
				await(t, "the title "+want, shortWait, func() bool { return title(p.master) == want })
				p.ready(4)
			})
		})
	}
}

// ready waits until no worker has a session, and at least n wait for one:
// surplus ones stay for some seconds.
func (p *plug) ready(n int) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("%d workers or more, all waiting", n), longWait, func() bool {
		all := p.workers()
		for _, w := range all {
			if !strings.HasSuffix(w.title, " spare") && !strings.HasSuffix(w.title, "(0 sessions)") {
				return false
			}
		}
		return len(all) >= n
	})
}

// A killed spare had no session: it is replaced.
func TestPromiseSpareKilled(t *testing.T) {
	if !ownNet(t) {
		return
	}
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := start(t, mode, append(sparesArgs(mode, 4), serve(t, anywhere, echo).addr())...)
		first := dial(t, p.addr())
		mustPing(t, first)
		beside := p.carrier(first)
		b := stand(first)
		n := 1
		for range 5 {
			for _, w := range p.workers() {
				if w.pid == beside || strings.Contains(w.title, " > ") { // it may be writing its line
					continue
				}
				syscall.Kill(w.pid, syscall.SIGKILL)
				break
			}
			began := time.Now()
			cycle(t, p)
			n++
			if took := time.Since(began); took > time.Second {
				t.Errorf("the next client waited %v", took)
			}
		}
		b.ended(t)
		p.lines(n)
		p.ready(4)
	})
}

// The master, or the shepherd, is killed: sessions continue and leave their
// lines, the port closes, and nothing remains when they have ended. No client
// is left waiting for a process that does not exist.
func TestPromiseMasterKilled(t *testing.T) {
	if !ownNet(t) {
		return
	}
	for _, who := range []string{"master", "shepherd"} {
		t.Run(who, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := start(t, mode, append(sparesArgs(mode, 4), serve(t, anywhere, echo).addr())...)
				p.spares(4)
				c := dial(t, p.addr())
				mustPing(t, c)
				b := stand(c)
				victim := p.master
				if who == "shepherd" {
					victim = p.cmd.Process.Pid
				}
				if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				served := 0
				for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
					c, err := net.DialTimeout("tcp", p.addr(), time.Second)
					if err != nil {
						break
					}
					c.SetDeadline(time.Now().Add(time.Second))
					switch err := ping(c.(*net.TCPConn)); {
					case err == nil:
						served++
						finish(c.(*net.TCPConn))
					case errors.Is(err, os.ErrDeadlineExceeded):
						t.Errorf("a client is left waiting")
					}
					c.Close()
				}
				await(t, "the port to be free", shortWait, func() bool { return !listening(t, p.port) })
				b.ended(t)
				p.gone(5 * time.Second)
				p.lines(1 + served)
				p.master = 0 // nothing is promised about its exit code
			})
		})
	}
}
