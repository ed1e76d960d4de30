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

	"daemon/plug/test/harness"
)

// childrenOf lists the processes, including dead ones, whose parent is pid.
func childrenOf(pid int) (found []harness.Process) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		n, _ := strconv.Atoi(filepath.Base(d))
		if q, err := harness.ReadProcess(n); err == nil && q.PPID == pid {
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
	out, in, piece := harness.Stream(seed), harness.NewChecker(seed), make([]byte, 4096)
	for {
		select {
		case <-b.stop:
			return harness.Finish(b.conn)
		default:
		}
		io.ReadFull(out, piece)
		if _, err := b.conn.Write(piece); err != nil {
			return err
		}
		if _, err := io.CopyN(in, harness.Plain{Conn: b.conn}, int64(len(piece))); err != nil {
			return fmt.Errorf("after %d bytes: %w", in.N, err)
		}
		b.n = in.N
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
	case <-time.After(harness.TalkBound):
		t.Error("a session does not end")
	}
}

// second is a target, or a proxy, whose second connection the test controls,
// unless there must be none; for all others it is an echo.
type second struct {
	*harness.Backend
	taken chan *net.TCPConn
}

func serveSecond(t *testing.T, proxy, none bool) *second {
	s := &second{taken: make(chan *net.TCPConn, 1)}
	var n atomic.Int64
	s.Backend = harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
		if n.Add(1) == 2 && !none {
			s.taken <- c
			select {}
		}
		if proxy {
			readHead(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		}
		harness.Echo(c)
	})
	return s
}

// reached is a state of a session, and how it is reached.
type reached struct {
	state string
	proxy bool
	far   bool // the target is silent
	reach func(client, target *net.TCPConn)
}

// If a worker is killed, only its sessions end, in whatever state they are
// (DESIGN, promise 6): the others continue without losing a byte, each session
// has one line, the next client is served, and at the end no process or
// resource is left.
func TestPromiseWorkerKilled(t *testing.T) {
	if !harness.OwnNet(t) {
		return
	}
	for _, c := range []reached{
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
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				killSecond(t, mode, c)
			})
		})
	}
}

// killSecond holds one session, brings a second one into the state, and kills its
// worker.
func killSecond(t *testing.T, mode string, c reached) {
	s := serveSecond(t, c.proxy, c.far)
	args := append(harness.SparesArgs(mode, 4), "--connect-timeout", "20s")
	switch {
	case c.proxy:
		args = append(args, "-h", s.Addr(), "192.0.2.1:9")
	case c.far:
		args = append(args, s.Addr(), harness.ListenSilent(t).Addr())
	default:
		args = append(args, s.Addr())
	}
	p := harness.Start(t, mode, args...)
	p.Spares(4)
	first := harness.Dial(t, p.Addr())
	harness.MustPing(t, first)
	beside := p.Carrier(first)
	b := stand(first)

	if mode == "pool" {
		harness.StopProcess(t, beside) // so that another worker takes the second one
	}
	client := dialNarrow(t, p.Addr())
	client.SetDeadline(time.Now().Add(harness.TalkBound))
	if !c.far {
		target := <-s.taken
		target.SetDeadline(time.Now().Add(harness.TalkBound))
		c.reach(client, target)
	}
	victim := p.Carrier(client)
	if victim == beside {
		t.Fatalf("worker %d has both sessions", victim)
	}
	syscall.Kill(beside, syscall.SIGCONT)
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := harness.HungUp(client); err != nil {
		t.Errorf("the killed session's client: %v", err)
	}
	began := time.Now()
	harness.ShortSession(t, p)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the next client waited %v", took)
	}
	p.Lines(2)
	b.ended(t)
	p.Lines(3)
	harness.Await(t, "no dead child of the master", harness.ShortWait, func() bool { return len(zombies(p)) == 0 })
	want := fmt.Sprintf("plug: master %d (0 sessions)", p.Port)
	harness.Await(t, "the title "+want, harness.ShortWait, func() bool { return harness.Title(p.Master) == want })
	ready(p, 4)
}

// ready waits until no worker has a session, and at least n wait for one:
// surplus ones stay for some seconds.
func ready(p *harness.Plug, n int) {
	p.T.Helper()
	harness.Await(p.T, fmt.Sprintf("%d workers or more, all waiting", n), harness.LongWait, func() bool {
		all := p.Workers()
		for _, w := range all {
			if !strings.HasSuffix(w.Title, " spare") && !strings.HasSuffix(w.Title, "(0 sessions)") {
				return false
			}
		}
		return len(all) >= n
	})
}

// A killed spare had no session: it is replaced.
func TestPromiseSpareKilled(t *testing.T) {
	if !harness.OwnNet(t) {
		return
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, append(harness.SparesArgs(mode, 4), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		first := harness.Dial(t, p.Addr())
		harness.MustPing(t, first)
		beside := p.Carrier(first)
		b := stand(first)
		n := 1
		for range 5 {
			for _, w := range p.Workers() {
				if w.PID == beside || strings.Contains(w.Title, " > ") { // it may be writing its line
					continue
				}
				syscall.Kill(w.PID, syscall.SIGKILL)
				break
			}
			began := time.Now()
			harness.ShortSession(t, p)
			n++
			if took := time.Since(began); took > time.Second {
				t.Errorf("the next client waited %v", took)
			}
		}
		b.ended(t)
		p.Lines(n)
		ready(p, 4)
	})
}

// The master, or the shepherd, is killed: sessions continue and leave their
// lines, the port closes, and nothing remains when they have ended. No client
// is left waiting for a process that does not exist.
func TestPromiseMasterKilled(t *testing.T) {
	if !harness.OwnNet(t) {
		return
	}
	for _, who := range []string{"master", "shepherd"} {
		t.Run(who, func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := harness.Start(t, mode, append(harness.SparesArgs(mode, 4), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
				p.Spares(4)
				c := harness.Dial(t, p.Addr())
				harness.MustPing(t, c)
				b := stand(c)
				victim := p.Master
				if who == "shepherd" {
					victim = p.Cmd.Process.Pid
				}
				if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				served := 0
				for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
					c, err := net.DialTimeout("tcp", p.Addr(), time.Second)
					if err != nil {
						break
					}
					c.SetDeadline(time.Now().Add(time.Second))
					switch err := harness.Ping(c.(*net.TCPConn)); {
					case err == nil:
						served++
						harness.Finish(c.(*net.TCPConn))
					case errors.Is(err, os.ErrDeadlineExceeded):
						t.Errorf("a client is left waiting")
					}
					c.Close()
				}
				harness.Await(t, "the port to be free", harness.ShortWait, func() bool { return !harness.Listening(t, p.Port) })
				b.ended(t)
				p.Gone(5 * time.Second)
				p.Lines(1 + served)
				p.Master = 0 // nothing is promised about its exit code
			})
		})
	}
}
