// Tests of resets around the last bytes of a session.

package test

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
)

// acknowledged waits until the peer's kernel has acknowledged everything that
// was written.
func acknowledged(t testing.TB, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	await(t, "all bytes to be acknowledged", talkBound, func() bool {
		queued := -1
		raw.Control(func(fd uintptr) { queued, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		return err == nil && queued == 0
	})
}

// untilReset reads, slowly if pause is not 0, and expects a reset at the end.
func untilReset(c *net.TCPConn, pause time.Duration) (got []byte, err error) {
	piece := make([]byte, 64<<10)
	for {
		n, err := c.Read(piece)
		got = append(got, piece[:n]...)
		if errors.Is(err, syscall.ECONNRESET) {
			return got, nil
		}
		if err != nil {
			return got, fmt.Errorf("%v, not a reset", err)
		}
		passed(pause)
	}
}

// A client that sends a message, waits until it is acknowledged and resets, as
// some agents do: each message reaches the target.
func TestClientResetsAfterItsMessage(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		const messages = 60
		heard := make(chan string, messages)
		target := serve(t, anywhere, func(c *net.TCPConn) {
			text, _ := io.ReadAll(c)
			heard <- string(text)
		})
		p := start(t, mode, append(one(mode), "--max-workers", "64", target.addr())...)
		for range messages {
			c := dial(t, p.addr())
			io.WriteString(c, "ten bytes.")
			acknowledged(t, c)
			reset(c)
		}
		arrived := 0
		for i := range messages {
			select {
			case text := <-heard:
				if text == "ten bytes." {
					arrived++
				}
			case <-time.After(talkBound):
				t.Fatalf("%d of %d sessions came to the target", i, messages)
			}
		}
		if arrived != messages {
			t.Errorf("%d of %d messages arrived", arrived, messages)
		}
		for _, l := range p.lines(messages) {
			if l.in != 10 {
				t.Fatalf("the session line of a delivered message: %+v", l)
			}
		}
	})
}

// A side that sends a lot, waits until it is acknowledged and resets: a slow
// reader gets everything, and then the reset. The session line counts it.
func TestResetAfterTheLastByte(t *testing.T) {
	t.Parallel()
	sessions := map[*plug]int{}
	eachDirection(t, nil, func(t *testing.T, p *plug, sender, receiver *net.TCPConn) {
		sent := someOf(3, 3_000_000)
		both(t, func() error {
			_, err := sender.Write(sent)
			acknowledged(t, sender)
			reset(sender)
			return err
		}, func() error {
			got, err := untilReset(receiver, 30*time.Millisecond)
			if !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes arrived", len(got), len(sent))
			}
			return err
		})
		sessions[p]++
		l := last(p.lines(sessions[p]), 1)[0]
		if l.in+l.out != int64(len(sent)) {
			t.Errorf("the session line counts %d bytes in and %d out, of %d", l.in, l.out, len(sent))
		}
	})
}

// A side that never reads keeps its session for --close-timeout. The session
// line counts the bytes that it has acknowledged.
func TestCloseTimeoutOfANeverReader(t *testing.T) {
	t.Parallel()
	sessions := map[*plug]int{}
	eachDirection(t, []string{"--close-timeout", "700ms"}, func(t *testing.T, p *plug, sender, receiver *net.TCPConn) {
		receiver.SetReadBuffer(16 << 10)
		cram(sender)
		began := time.Now()
		reset(sender)
		sessions[p]++
		l := last(p.lines(sessions[p]), 1)[0]
		if took := time.Since(began); took < 600*time.Millisecond || took > 3*time.Second {
			t.Errorf("the session ended after %v, --close-timeout is 700ms", took)
		}
		got, err := untilReset(receiver, 0)
		if err != nil || l.in+l.out != int64(len(got)) || len(got) == 0 {
			t.Errorf("%d bytes had arrived, the session line counts %d and %d: %v", len(got), l.in, l.out, err)
		}
	})
}

// A target that refuses a client with a text and resets at once, as database
// servers do: the client gets the text.
func TestTargetResetsAfterItsRefusal(t *testing.T) {
	t.Parallel()
	const text = "ERROR 1040: too many connections, sorry"
	forEachMode(t, func(t *testing.T, mode string) {
		target := serve(t, anywhere, func(c *net.TCPConn) {
			io.WriteString(c, text)
			reset(c)
		})
		p := start(t, mode, append(one(mode), "--max-workers", "64", target.addr())...)
		const clients = 400
		served, missed := 0, 0
		for tries := 0; served < clients && tries < 20*clients; tries++ {
			c, err := dialFrom("", p.addr())
			if errors.Is(err, syscall.ECONNRESET) {
				continue // it came before the client's own connect(2) had returned
			}
			if err != nil {
				t.Fatal(err)
			}
			served++
			if got, err := untilReset(c, 0); string(got) != text || err != nil {
				missed++
			}
			c.Close()
		}
		if missed > 0 || served < clients {
			t.Errorf("%d of %d clients did not get the text and then a reset", missed, served)
		}
	})
}

// A side to which writing fails has answered before: an early reply to a
// request that it does not read to its end.
func TestEarlyReplyBeforeAFailedWrite(t *testing.T) {
	t.Parallel()
	eachDirection(t, nil, func(t *testing.T, p *plug, sender, replier *net.TCPConn) {
		both(t, func() error {
			failed := cram(sender) // the reset is reported only once, to this write or to a read
			sender.SetDeadline(time.Now().Add(talkBound))
			got, err := untilReset(sender, 0)
			if string(got) != "HTTP/1.1 413 Content Too Large\r\n\r\n" {
				t.Errorf("the early reply arrived as %q", got)
			}
			if errors.Is(failed, syscall.ECONNRESET) || errors.Is(failed, syscall.EPIPE) {
				return nil
			}
			return err
		}, func() error {
			io.ReadFull(replier, make([]byte, 1))
			io.WriteString(replier, "HTTP/1.1 413 Content Too Large\r\n\r\n")
			return replier.Close() // with unread bytes, so that the kernel resets
		})
	})
}

// A side that reads an answer and resets at once has read it, even if its
// kernel has not acknowledged it yet: the session line counts it.
func TestCountOfAConversationThatIsReset(t *testing.T) {
	t.Parallel()
	sessions := map[*plug]int{}
	eachDirection(t, nil, func(t *testing.T, p *plug, asks, answers *net.TCPConn) {
		piece := make([]byte, 100)
		for range 30 {
			for _, way := range [][2]*net.TCPConn{{asks, answers}, {answers, asks}} {
				way[0].Write(piece)
				if _, err := io.ReadFull(way[1], piece); err != nil {
					t.Fatal(err)
				}
			}
		}
		reset(asks)
		sessions[p]++
		if l := last(p.lines(sessions[p]), 1)[0]; l.in != 3000 || l.out != 3000 {
			t.Errorf("the session line counts %d and %d bytes, of 3000 each", l.in, l.out)
		}
	})
}
