//go:build linux && !portable

// Urgent bytes are read in their place among the others.

package worker

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// sendUrgent writes p, the last byte of which is urgent.
func sendUrgent(t testing.TB, c *net.TCPConn, p []byte) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		err = errors.Join(raw.Write(func(fd uintptr) bool {
			err = unix.Sendto(int(fd), p, unix.MSG_OOB, nil)
			return err != unix.EAGAIN
		}), err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inline sets SO_OOBINLINE on a rig's sockets, as accepted and connected ones have it.
func inline(s *session) {
	kernel.SetOn(s.client.fd, unix.SOL_SOCKET, unix.SO_OOBINLINE)
	kernel.SetOn(s.target.fd, unix.SOL_SOCKET, unix.SO_OOBINLINE)
}

// Bytes after an urgent one arrive, whether they have come together with it or later, and
// the urgent byte arrives in its place. A read stops at the mark, and looks as if the
// socket were empty.
func TestUrgentInAConversation(t *testing.T) {
	for _, later := range []bool{false, true} {
		eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
			inline(s)
			e.quiet()
			for range 5 { // ftp's interrupt, again and again
				sendUrgent(t, sender, []byte{0xff, 0xf4, 0xff})
				if later {
					e.quiet()
				}
				sender.Write([]byte("\xf2ABOR\r\n"))
				waiting(t, from.fd, 1)
				e.quiet()
				reads(t, receiver, "the interrupt", []byte("\xff\xf4\xff\xf2ABOR\r\n"))
			}
			if s.state != relaying {
				t.Errorf("state %d", s.state)
			}
		})
	}
}

// Urgent bytes in a bulk transfer: before and between what is spliced, and at the
// beginning and end of each read. The end arrives after everything.
func TestUrgentInABulkTransfer(t *testing.T) {
	for _, before := range []int{0, 1, relayRoom - 1, relayRoom, relayRoom + 1, 2 * relayRoom, 3 << 20} {
		for _, after := range []int{0, 5, 5 << 20} {
			t.Run(fmt.Sprintf("%d and %d", before, after), func(t *testing.T) {
				eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
					inline(s)
					first, second := noise(41, before), noise(42, after)
					arrived := drain(receiver)
					go func() {
						sender.Write(first)
						sendUrgent(t, sender, []byte{'!'})
						sender.Write(second)
						sender.CloseWrite()
					}()
					e.until(t, "the end has passed", func() bool { return s.state == halfClosed })
					if got := <-arrived; !bytes.Equal(got, slices.Concat(first, []byte{'!'}, second)) {
						t.Errorf("%d bytes arrived of %d", len(got), before+1+after)
					}
					if n := s.account(from); n != uint64(before+1+after) {
						t.Errorf("%d bytes counted", n)
					}
				})
			})
		}
	}
}

// A reset after an urgent mark: splice(2) returns the error before the bytes. A write may
// meet the reset before any event has reported it, or the mark, or the end.
func TestUrgentBeforeAReset(t *testing.T) {
	for _, by := range []string{"an event", "an event, splicing", "a write", "a write, splicing"} {
		eachSide(t, func(t *testing.T, e *engine, s *session, from *side, sender, receiver *net.TCPConn) {
			inline(s)
			sender.Write([]byte("before"))
			sendUrgent(t, sender, []byte{'!'})
			sender.Write([]byte("after"))
			waiting(t, from.fd, 6)
			resetNow(t, sender, from.fd)
			from.splicing = strings.HasSuffix(by, "splicing")
			got := readAll(receiver)
			if strings.HasPrefix(by, "a write") {
				_, errno := kernel.Send(from.fd, []byte{1})
				from.fails(errno)
				e.conclude(s, false, from)
			}
			e.until(t, "the session ends", func() bool { return s.state == ended })
			if p := <-got; string(p) != "before!after" {
				t.Errorf("told by %s: %q arrived", by, p)
			}
			if e.outcomes(board.Cut) != 1 {
				t.Errorf("told by %s: the reset was taken for an end", by)
			}
		})
	}
}

// A target's socket receives urgent bytes in line from the start, because otherwise the
// kernel skips the byte of one mark when another mark follows.
func TestTargetTakesUrgentInLine(t *testing.T) {
	l, e := listenHere(t), rig(t)
	e.toTarget(l.Addr().String())
	client, fd := tcp(t)
	e.admit(fd, somebody)
	s := e.table[0]
	e.until(t, "the session relays", func() bool { return s.state == relaying })
	target, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	sendUrgent(t, target, []byte("first!"))
	waiting(t, s.target.fd, 6)
	e.gather(s, &s.target, &s.client) // up to the mark, which no event has reported yet
	sendUrgent(t, target, []byte("second!"))
	waiting(t, s.target.fd, 8)
	e.quiet()
	reads(t, client, "both urgent bytes", []byte("first!second!"))
}
