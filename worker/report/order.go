package report

// Order is a byte that the master sends to a worker over its lifeline. The
// lifeline's end of file is an order too: the master is gone.
type Order byte

const (
	Nudge   Order = 'n' // look at the listener: its wake-up may be lost
	Gate    Order = 'g' // look at the gate
	Drain   Order = 'd' // leave the listener, and exit after the last session
	Session Order = 's' // a new session file comes with this byte (SCM_RIGHTS)
)
