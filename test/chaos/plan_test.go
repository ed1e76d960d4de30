// TestChaos's conversations: their forms, and how each end plays its part.

package chaos

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"daemon/plug/test/harness"
)

// turns says which end of a conversation sends when.
type turns uint8

const (
	together  turns = iota
	upFirst         // the target answers after the client's EOF
	downFirst       // the client sends after the target's EOF
	cutShort        // the client resets when it has sent half
)

// half is one direction of a conversation: n bytes of a stream, in pieces.
type half struct {
	seed   uint64
	n      int64
	pieces int
	pause  time.Duration // after each piece
}

// plan is a whole conversation, known to both ends.
type plan struct {
	name     string
	order    turns
	up, down half
}

// choosePlan mixes the load: mostly short ones, long ones in small pieces,
// bulk, half-closed ones in both orders, and clients that reset.
func choosePlan(rng *rand.Rand) plan {
	up, down := rng.Uint64(), rng.Uint64()
	ms := func(from, to int) time.Duration { return time.Duration(from+rng.IntN(to-from)) * time.Millisecond }
	switch n := rng.IntN(100); {
	case n < 55:
		return plan{"short", together, half{up, int64(rng.IntN(400)), 1, 0}, half{down, int64(rng.IntN(4000)), 1, 0}}
	case n < 75:
		return plan{"long", together, half{up, 40_000, 40, ms(5, 40)}, half{down, 60_000, 30, ms(5, 50)}}
	case n < 80:
		return plan{"bulk", together, half{up, 2 << 20, 1, 0}, half{down, 1 << 20, 1, 0}}
	case n < 88:
		return plan{"half-closed up", upFirst, half{up, 20_000, 3, ms(1, 30)}, half{down, 300_000, 10, ms(1, 60)}}
	case n < 96:
		return plan{"half-closed down", downFirst, half{up, 300_000, 10, ms(1, 60)}, half{down, 20_000, 3, ms(1, 30)}}
	}
	return plan{"cut", cutShort, half{up, 100_000, 4, ms(1, 20)}, half{down, 50_000, 50, ms(1, 20)}}
}

func (h half) send(c *net.TCPConn) error {
	from, left := harness.Stream(h.seed), h.n
	for i := range h.pieces {
		piece := h.n / int64(h.pieces)
		if i == h.pieces-1 {
			piece = left
		}
		m, err := io.CopyN(harness.Plain{Conn: c}, from, piece)
		left -= m
		if err != nil {
			return fmt.Errorf("%d of %d bytes not sent: %w", left, h.n, err)
		}
		if h.pause > 0 {
			harness.Passed(h.pause)
		}
	}
	return c.CloseWrite()
}

// errShort is an EOF that came too early: a cut that looks complete.
var errShort = errors.New("end of file before the last byte")

// receive reads to the end; got is also the position of a difference.
func (h half) receive(c *net.TCPConn) (got int64, err error) {
	check := harness.NewChecker(h.seed)
	_, err = io.CopyBuffer(check, harness.Plain{Conn: c}, make([]byte, 16<<10))
	if err == nil && check.N < h.n {
		err = errShort
	}
	if err == nil && check.N > h.n {
		err = fmt.Errorf("%d bytes more than were sent", check.N-h.n)
	}
	if err != nil {
		err = fmt.Errorf("%d of %d bytes received: %w", check.N, h.n, err)
	}
	return check.N, err
}

// talk plays one end's whole conversation: out is what it sends. got counts
// what it received.
func (p plan) talk(c *net.TCPConn, out, in half, outFirst bool) (got int64, err error) {
	switch {
	case p.order == together || p.order == cutShort:
		sent := make(chan error, 1)
		go func() { sent <- out.send(c) }()
		got, err = in.receive(c)
		if err != nil {
			c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)) // otherwise the sender might wait forever
			if told := <-sent; errors.Is(told, syscall.ECONNRESET) {
				err = told // the write has taken the socket's error, and left EOF for the read
			}
			return got, err
		}
		return got, <-sent
	case outFirst:
		if err = out.send(c); err != nil {
			return 0, err
		}
		return in.receive(c)
	}
	if got, err = in.receive(c); err != nil {
		return got, err
	}
	return got, out.send(c)
}

// cut sends half of its part and resets.
func (p plan) cut(c *net.TCPConn) error {
	spoken := p.up
	spoken.n, spoken.pieces = p.up.n/2, 2
	from := harness.Stream(spoken.seed)
	for range spoken.pieces {
		if _, err := io.CopyN(harness.Plain{Conn: c}, from, spoken.n/2); err != nil {
			return err
		}
		harness.Passed(spoken.pause)
	}
	harness.Reset(c)
	return nil
}
