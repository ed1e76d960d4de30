// TestLastBytes: the judge, which says what each end must have received.

package lastbytes

import (
	"fmt"

	"daemon/plug/test/harness"
)

// seen is what a side has seen.
type seen struct {
	fin     bool  // it has read the end
	reset   bool  // a read, a write or the socket's error reported a reset by the other side
	finSent bool  // it has half-closed
	acked   int64 // acknowledged bytes of what it sent, just before it ended the connection
	come    int64 // the minimum that it had received and acknowledged by then
	wrong   string
	stuck   string // what it waited for too long
}

// account is what a side has sent and received, and what it has seen.
type account struct {
	seen
	sent, got int64
}

// faults are what is wrong with a scenario's outcome.
type faults []string

func (v *faults) say(format string, args ...any) { *v = append(*v, fmt.Sprintf(format, args...)) }

// judgeEnds compares a scenario's outcome with what a connection promises.
// These rules hold for a direct connection, so they must hold through a plug:
//
//   - If a side ends its direction in order, the other side reads everything to
//     the last byte, and then sees that end and no reset.
//   - If a side resets, the other side reads at least the acknowledged bytes, and
//     then sees the reset. Bytes that were not acknowledged may be lost.
//   - A side that closes while bytes are unread, or are still arriving, resets,
//     too, but the other side may see an end first.
//   - A side that ends the connection itself may leave bytes unread.
//
// The one exception: a side that has half-closed and has read the other side's
// half-close is done, and may or may not see a reset after it.
//
// target is nil if nothing was connected: that is right if the client has gone
// and nothing was acknowledged to it.
func judgeEnds(s scenario, client, target *account) (v faults) {
	if target == nil {
		if s.client.end() == fins || client.acked > 0 {
			v.say("the target was never connected")
		}
		return v
	}
	v.judgeSide("client", s.client, s.target, client, target)
	v.judgeSide("target", s.target, s.client, target, client)
	return v
}

// judgeSide judges what one side has received from the other.
func (v *faults) judgeSide(name string, mine, theirs part, me, other *account) {
	if me.wrong != "" {
		v.say("%s: %s", name, me.wrong)
	}
	if me.stuck != "" {
		v.say("%s: waited too long for %s (sent %d, got %d of %d)", name, me.stuck, me.sent, me.got, other.sent)
	}
	if me.got > other.sent {
		v.say("%s: got %d bytes, only %d were sent", name, me.got, other.sent)
	}
	if mine.end() != fins {
		return
	}
	least, what := other.sent, "sent"
	if theirs.end() != fins {
		least, what = other.acked, "acknowledged"
	} else if planned := int64(bytesOf(theirs.acts)); other.sent != planned {
		v.say("%s: %d of %d bytes could be sent to it", name, other.sent, planned)
	}
	if me.got < least {
		v.say("%s: got %d of %d bytes that were %s", name, me.got, least, what)
	}
	switch {
	case theirs.end() == fins && me.reset:
		v.say("%s: saw a reset, not an end", name)
	case theirs.end() == resets && !me.reset && !(theirs.does(fins) && me.finSent):
		v.say("%s: saw an end, not a reset", name)
	}
}

// judgeLine compares a session line with the delivered bytes: those that the
// receiver's kernel has acknowledged. If the receiver ended the connection,
// the number is between what it had by then and what was sent.
func (v *faults) judgeLine(s scenario, l harness.SessionLine, client, target *account) {
	judgeBytes := func(what string, n int64, to part, receiver, sender *account) {
		least, most := receiver.got, receiver.got
		if to.end() != fins {
			least, most = receiver.come, sender.sent
		}
		if n < least || n > most {
			v.say("session line: %d bytes %s, delivered were %d to %d", n, what, least, most)
		}
	}
	if target == nil {
		if l.In != 0 || l.Out != 0 {
			v.say("session line: %d in, %d out without a connection to the target", l.In, l.Out)
		}
		return
	}
	judgeBytes("in", l.In, s.target, target, client)
	judgeBytes("out", l.Out, s.client, client, target)
}
