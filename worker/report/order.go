// The orders that a master sends to a worker over its lifeline: their bytes,
// and
// a reader that gets them in any pieces.

package report

import "strconv"

// Order is a byte that the master sends to a worker over its lifeline. The
// lifeline's end of file is an order too: the master is gone.
type Order byte

const (
	Nudge Order = 'n' // check the listener: a wake-up may have been lost
	Gate  Order = 'g' // read the gate
	Drain Order = 'd' // leave the listener, and exit after the last session
	Kill  Order = 'k' // end the session of a row and epoch, which follow: see AppendKill

	// Orders with a descriptor (SCM_RIGHTS, unix(7)), one in each message. A worker
	// closes a descriptor that comes with an order that it does not know.
	Session Order = 's' // a new session file
	Follow  Order = 'a' // a new assignment
	Listen  Order = 'l' // a new listener, whose number follows: see AppendNumbered

	Leave Order = 'x' // leave a listener, whose number follows
)

// Some orders are followed by decimal digits: Kill by this many of the row, then of its
// epoch, Listen and Leave by those of a listener's number. No digit is an order, so a
// worker that does not know an order ignores its digits, and one that finds another byte
// among them knows that the rest was lost.
const (
	rowDigits    = 10
	epochDigits  = 13 // of 40 bits
	killDigits   = rowDigits + epochDigits
	numberDigits = 10

	KillSize = 1 + killDigits // bytes of a whole Kill
)

// AppendKill adds a whole Kill order to b.
func AppendKill(b []byte, row uint32, epoch uint64) []byte {
	b = append(b, byte(Kill))
	b = appendPadded(b, uint64(row), rowDigits)
	return appendPadded(b, epoch, epochDigits)
}

// AppendNumbered adds a whole Listen or Leave to b.
func AppendNumbered(b []byte, order Order, number uint32) []byte {
	return appendPadded(append(b, byte(order)), uint64(number), numberDigits)
}

func appendPadded(b []byte, n uint64, digits int) []byte {
	var text [20]byte
	s := strconv.AppendUint(text[:0], n, 10)
	for range digits - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}

// Orders puts together the orders of a lifeline, whose bytes may come in any
// pieces.
type Orders struct {
	Row    uint32 // of the last Kill
	Epoch  uint64
	Number uint32 // of the last Listen or Leave

	order  Order // whose digits are being read; 0 outside of one
	digits int   // so far
	number uint64
}

// Next takes one byte; ok reports whether it completes an order.
func (o *Orders) Next(b byte) (order Order, ok bool) {
	if o.order != 0 && b >= '0' && b <= '9' {
		o.number = 10*o.number + uint64(b-'0')
		o.digits++
		return o.complete()
	}
	o.order, o.digits, o.number = 0, 0, 0
	switch order = Order(b); order {
	case Kill, Listen, Leave:
		o.order = order
		return order, false
	}
	return order, true
}

// complete ends the number or the order that has all of its digits.
func (o *Orders) complete() (order Order, ok bool) {
	order = o.order
	switch {
	case order == Kill && o.digits == rowDigits:
		o.Row, o.number = uint32(o.number), 0
		return order, false
	case order == Kill && o.digits == killDigits:
		o.Epoch = o.number
	case order != Kill && o.digits == numberDigits:
		o.Number = uint32(o.number)
	default:
		return order, false
	}
	o.order = 0
	return order, true
}
