//go:build linux && !portable

// The event loop delivers a failed side's last bytes.

package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// queued is how many of the bytes written to a connection its peer's kernel has not
// acknowledged.
func queued(t testing.TB, c *net.TCPConn) (n int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lastWords writes p, waits until all of it is acknowledged, and resets.
func lastWords(t testing.TB, e *engine, c *net.TCPConn, p []byte) {
	t.Helper()
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(p)
		written <- err
	}()
	e.until(t, "the last words are acknowledged", func() bool {
		select {
		case err := <-written:
			written <- err
			return err != nil || queued(t, c) == 0
		default:
			return false
		}
	})
	cut(c)
}

// readAll reads to the end or an error, in a goroutine.
func readAll(c *net.TCPConn) <-chan []byte {
	done := make(chan []byte, 1)
	go func() {
		p, err := io.ReadAll(c)
		if !errors.Is(err, syscall.ECONNRESET) {
			p = fmt.Appendf(p, " and then %v, want a reset", err)
		}
		done <- p
	}()
	return done
}

// account is how many bytes the session's row counts from a side.
func (s *session) account(from *side) uint64 {
	if from == &s.client {
		return s.row.In.Load()
	}
	return s.row.Out.Load()
}

// eachSide runs a test with either side as the one that fails.
func eachSide(t *testing.T, test func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn)) {
	for _, side := range []string{"client", "target"} {
		t.Run(side, func(t *testing.T) {
			e := rig(t)
			s, client, target := pair(t, e)
			if side == "client" {
				test(t, e, s, &s.client, client, target)
			} else {
				test(t, e, s, &s.target, target, client)
			}
		})
	}
}

// What a side sent before its reset arrives, and then the reset. The receiver does not
// read until the sender has gone.
func TestLastBytesBeforeAReset(t *testing.T) {
	for _, size := range []int{0, 1, 2000, relayRoom, 3_000_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
				sent := noise(31, size)
				lastWords(t, e, sender, sent)
				e.until(t, "the plug has met the reset", func() bool { return s.state == delivering || s.state == ended })
				got := readAll(receiver)
				e.until(t, "the session ends", func() bool { return s.state == ended })
				if p := <-got; !bytes.Equal(p, sent) {
					t.Errorf("%d bytes arrived: %q", len(p), p[max(0, len(p)-60):])
				}
				if n := s.account(from); n != uint64(size) || e.outcomes(board.Cut) != 1 {
					t.Errorf("%d bytes counted, %d sessions cut", n, e.outcomes(board.Cut))
				}
			})
		})
	}
}

// stuffed has the sender send more than the receiver takes, while the receiver reads
// nothing, and then reset. The session is then delivering.
func stuffed(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
	t.Helper()
	receiver.SetReadBuffer(32 << 10)
	for _, fd := range []int{s.client.fd, s.target.fd} {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 256<<10)
	}
	go sender.Write(noise(32, 8<<20))
	e.until(t, "something is kept", func() bool { return from.stuck() })
	e.quiet()
	cut(sender)
	e.until(t, "the session delivers", func() bool { return s.state == delivering })
}

// A receiver that reads nothing holds the session up for --close-timeout, even if it
// keeps writing. Only what it has acknowledged is counted.
func TestCloseTimeout(t *testing.T) {
	t.Run("silent", func(t *testing.T) { eachSide(t, neverReads) })
	t.Run("writing", func(t *testing.T) {
		eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
			go func() {
				for piece := make([]byte, 64<<10); ; {
					if _, err := receiver.Write(piece); err != nil {
						return
					}
				}
			}()
			neverReads(t, e, s, from, sender, receiver)
		})
	})
}

// A surviving side that keeps the session busy does not prevent its visits, which check
// whether the time is over.
func TestBusySurvivorIsVisited(t *testing.T) {
	eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
		e.buffer = e.buffer[:1024] // one iteration does not empty the queue
		stuffed(t, e, s, from, sender, receiver)
		survivor := s.leaving.survivor
		go receiver.Write(make([]byte, 256<<10))
		waiting(t, survivor.fd, 2*relayBudget*len(e.buffer))
		e.visits, s.leaving.expected, survivor.readable = visits{}, false, true
		e.stepDelivering(s)
		if !survivor.readable || !s.queued || !s.leaving.expected || e.agenda[visitDuty] == 0 {
			t.Errorf("more to read %v, another step %v, a visit %v", survivor.readable, s.queued, s.leaving.expected)
		}
	})
}

func neverReads(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
	e.board.Assignment.CloseTimeout = 80
	stuffed(t, e, s, from, sender, receiver)
	failed := e.clock.mono
	e.until(t, "the session ends", func() bool { return s.state == ended })
	if took := time.Duration(e.clock.mono - failed); took < 50*time.Millisecond || took > 3*time.Second {
		t.Errorf("it ended after %v, --close-timeout is 80ms", took)
	}
	p, _ := io.ReadAll(receiver) // its own write may have met the reset first
	if uint64(len(p)) != s.account(from) || len(p) == 0 {
		t.Errorf("%d bytes arrived, %d are counted", len(p), s.account(from))
	}
}

// A reset by the other side ends the session at once, and the first reset stays its
// cause. An admin's order ends the session at once, too.
func TestDeliveringEndsAtOnce(t *testing.T) {
	for _, how := range []string{"the other side resets", "an admin ends it"} {
		t.Run(how, func(t *testing.T) {
			eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
				who, outcome := board.ByClient, board.Cut
				if from == &s.target {
					who = board.ByTarget
				}
				stuffed(t, e, s, from, sender, receiver)
				if c := board.Cause(s.row.Cause.Load()); c != board.MakeCause(board.Nobody, board.Delivering, 0) {
					t.Errorf("meanwhile the row says %s, %s", c, c.Stage())
				}
				if how == "the other side resets" {
					cut(receiver)
				} else {
					e.endOne(uint32(s.index), s.row.Word().Epoch())
					who, outcome = board.ByAdmin, board.AdminEnded
					if s.state != ended {
						t.Errorf("state %d after an admin's word", s.state)
					}
				}
				e.until(t, "the session ends", func() bool { return s.state == ended })
				if c := board.Cause(s.row.Cause.Load()); c != board.MakeCause(who, board.Relaying, 0) || e.outcomes(outcome) != 1 {
					t.Errorf("put down to %s, %s; want %s, %s", c, c.Stage(), who, outcome)
				}
			})
		})
	}
}

// A side that writes before it reads does get to read, because what it writes is dropped.
// What is dropped is not counted.
func TestSurvivorWritesBeforeItReads(t *testing.T) {
	eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
		to := &s.target
		if from == to {
			to = &s.client
		}
		got := make(chan []byte, 1)
		receiver.SetReadBuffer(256 << 10) // a smaller window is filled by probes, five per second
		go func() {
			receiver.Write(make([]byte, 40<<20)) // more than all queues take
			got <- <-readAll(receiver)
		}()
		e.until(t, "its writes wait", func() bool { return to.stuck() })
		e.quiet()
		counted := s.account(to)
		words := noise(34, 2_000_000) // more than it receives without reading
		lastWords(t, e, sender, words)
		e.until(t, "the session ends", func() bool { return s.state == ended })
		if p := <-got; !bytes.Equal(p, words) {
			t.Errorf("it reads %d bytes: %q", len(p), p[max(0, len(p)-60):])
		}
		if n := s.account(to); n > counted {
			t.Errorf("%d bytes of it are counted, %d were before the reset", n, counted)
		}
	})
}

// A side that can't be written to may have sent something before: an early reply to a
// request that it did not read to the end.
func TestLastWordsBehindAFailedWrite(t *testing.T) {
	for _, how := range []string{"write", "write of what was kept", "splice"} {
		t.Run(how, func(t *testing.T) {
			eachSide(t, func(t *testing.T, e *engine, s *session, failed *side, early, writer *net.TCPConn) {
				from := &s.client
				if failed == from {
					from = &s.target
				}
				early.Write([]byte("413 too much"))
				waiting(t, failed.fd, 12)
				switch how {
				case "write":
					writer.Write([]byte("data"))
					waiting(t, from.fd, 4)
				case "write of what was kept":
					e.relay.keep(from, []byte("kept"))
				case "splice":
					p, errno := e.relay.takePipe()
					if errno != 0 {
						t.Fatal(errno)
					}
					unix.Write(p.w, make([]byte, 4))
					from.pipe, from.splicing, p.held = p, true, 4
				}
				resetNow(t, early, failed.fd)
				from.readable, failed.writable, from.writable = true, true, true
				e.stepRelay(s) // without an event that would have reported it
				got := readAll(writer)
				e.until(t, "the session ends", func() bool { return s.state == ended })
				if p := <-got; string(p) != "413 too much" {
					t.Errorf("the other side reads %q", p)
				}
				if n := s.account(from); n != 0 {
					t.Errorf("%d bytes are counted that nobody got", n)
				}
				if errno := syscall.Errno(s.row.Errno.Load()); errno != unix.ECONNRESET && errno != unix.EPIPE {
					t.Errorf("the reason is %v", errno)
				}
			})
		})
	}
}

// When a conversation is reset, everything that has been read counts, even if the last
// acknowledgment has not arrived yet.
func TestCountOfAConversationThatIsReset(t *testing.T) {
	for _, how := range []string{"a side resets", "an admin ends it"} {
		t.Run(how, func(t *testing.T) {
			eachSide(t, func(t *testing.T, e *engine, s *session, from *side, asks, answers *net.TCPConn) {
				for range 30 { // acknowledgments are delayed only after some exchanges
					for _, way := range [][2]*net.TCPConn{{asks, answers}, {answers, asks}} {
						way[0].Write(noise(35, 100))
						e.until(t, "the piece has arrived", func() bool { return arrivedAt(t, way[1]) == 100 })
						reads(t, way[1], "a piece", noise(35, 100))
					}
				}
				if how == "a side resets" {
					cut(asks)
				} else {
					e.endOne(uint32(s.index), s.row.Word().Epoch())
				}
				e.until(t, "the session ends", func() bool { return s.state == ended })
				if in, out := s.row.In.Load(), s.row.Out.Load(); in != 3000 || out != 3000 {
					t.Errorf("%d and %d bytes are counted, want 3000 and 3000", in, out)
				}
			})
		})
	}
}

// arrivedAt is how many bytes a connection has ready to read.
func arrivedAt(t testing.TB, c *net.TCPConn) (n int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
