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

	"daemon/plug/test/harness"
)

// acknowledged waits until the peer's kernel has acknowledged everything that
// was written.
func acknowledged(t testing.TB, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	harness.Await(t, "all bytes to be acknowledged", harness.TalkBound, func() bool {
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
		harness.Passed(pause)
	}
}

// A client that sends a message, waits until it is acknowledged and resets, as
// some agents do: each message reaches the target.
func TestClientResetsAfterItsMessage(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		const messages = 60
		heard := make(chan string, messages)
		target := harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
			text, _ := io.ReadAll(c)
			heard <- string(text)
		})
		p := harness.Start(t, mode, append(harness.FewWorkers(mode), "--max-workers", "64", target.Addr())...)
		for range messages {
			c := harness.Dial(t, p.Addr())
			io.WriteString(c, "ten bytes.")
			acknowledged(t, c)
			harness.Reset(c)
		}
		arrived := 0
		for i := range messages {
			select {
			case text := <-heard:
				if text == "ten bytes." {
					arrived++
				}
			case <-time.After(harness.TalkBound):
				t.Fatalf("%d of %d sessions came to the target", i, messages)
			}
		}
		if arrived != messages {
			t.Errorf("%d of %d messages arrived", arrived, messages)
		}
		for _, l := range p.Lines(messages) {
			if l.In != 10 {
				t.Fatalf("the session line of a delivered message: %+v", l)
			}
		}
	})
}

// A side that sends a lot, waits until it is acknowledged and resets: a slow
// reader gets everything, and then the reset. The session line counts it.
func TestResetAfterTheLastByte(t *testing.T) {
	t.Parallel()
	sessions := map[*harness.Plug]int{}
	eachDirection(t, nil, func(t *testing.T, p *harness.Plug, sender, receiver *net.TCPConn) {
		sent := someOf(3, 3_000_000)
		harness.Both(t, func() error {
			_, err := sender.Write(sent)
			acknowledged(t, sender)
			harness.Reset(sender)
			return err
		}, func() error {
			got, err := untilReset(receiver, 30*time.Millisecond)
			if !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes arrived", len(got), len(sent))
			}
			return err
		})
		sessions[p]++
		l := harness.Last(p.Lines(sessions[p]), 1)[0]
		if l.In+l.Out != int64(len(sent)) {
			t.Errorf("the session line counts %d bytes in and %d out, of %d", l.In, l.Out, len(sent))
		}
	})
}

// A side that never reads keeps its session for --close-timeout. The session
// line counts the bytes that it has acknowledged.
func TestCloseTimeoutOfANeverReader(t *testing.T) {
	t.Parallel()
	sessions := map[*harness.Plug]int{}
	eachDirection(t, []string{"--close-timeout", "700ms"}, func(t *testing.T, p *harness.Plug, sender, receiver *net.TCPConn) {
		receiver.SetReadBuffer(16 << 10)
		cram(sender)
		began := time.Now()
		harness.Reset(sender)
		sessions[p]++
		l := harness.Last(p.Lines(sessions[p]), 1)[0]
		if took := time.Since(began); took < 600*time.Millisecond || took > 3*time.Second {
			t.Errorf("the session ended after %v, --close-timeout is 700ms", took)
		}
		got, err := untilReset(receiver, 0)
		if err != nil || l.In+l.Out != int64(len(got)) || len(got) == 0 {
			t.Errorf("%d bytes had arrived, the session line counts %d and %d: %v", len(got), l.In, l.Out, err)
		}
	})
}

// A target that refuses a client with a text and resets at once, as database
// servers do: the client gets the text.
func TestTargetResetsAfterItsRefusal(t *testing.T) {
	t.Parallel()
	const text = "ERROR 1040: too many connections, sorry"
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		target := harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
			io.WriteString(c, text)
			harness.Reset(c)
		})
		p := harness.Start(t, mode, append(harness.FewWorkers(mode), "--max-workers", "64", target.Addr())...)
		const clients = 400
		served, missed := 0, 0
		for tries := 0; served < clients && tries < 20*clients; tries++ {
			c, err := harness.DialFrom("", p.Addr())
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
	eachDirection(t, nil, func(t *testing.T, p *harness.Plug, sender, replier *net.TCPConn) {
		harness.Both(t, func() error {
			failed := cram(sender) // the reset is reported only once, to this write or to a read
			sender.SetDeadline(time.Now().Add(harness.TalkBound))
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
	sessions := map[*harness.Plug]int{}
	eachDirection(t, nil, func(t *testing.T, p *harness.Plug, asks, answers *net.TCPConn) {
		piece := make([]byte, 100)
		for range 30 {
			for _, way := range [][2]*net.TCPConn{{asks, answers}, {answers, asks}} {
				way[0].Write(piece)
				if _, err := io.ReadFull(way[1], piece); err != nil {
					t.Fatal(err)
				}
			}
		}
		harness.Reset(asks)
		sessions[p]++
		if l := harness.Last(p.Lines(sessions[p]), 1)[0]; l.In != 3000 || l.Out != 3000 {
			t.Errorf("the session line counts %d and %d bytes, of 3000 each", l.In, l.Out)
		}
	})
}
