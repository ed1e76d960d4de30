package board

// Outcome is how a session ended. Values are part of the layout: new ones are
// added at the end, at most Outcomes in all.
type Outcome uint32

const (
	Complete   Outcome = iota // both directions ended
	Unreached                 // no target could be connected
	Cut                       // reset or write error while relaying
	Denied                    // the HTTP proxy refused, an internal error, a limit
	Killed                    // its worker was killed by a signal
	AdminEnded                // ended by an admin through master or worker
)

// Status is the exit status that 2.5 gave to a session of this outcome; a
// killed one has none, and is logged as 4.
func (o Outcome) Status() int {
	switch o {
	case Complete:
		return 0
	case Unreached:
		return 2
	case Cut:
		return 3
	}
	return 4
}

// String is the word that logs use.
func (o Outcome) String() string {
	switch o {
	case Complete:
		return "complete"
	case Unreached:
		return "unreached"
	case Cut:
		return "cut"
	case Denied:
		return "denied"
	case Killed:
		return "killed"
	case AdminEnded:
		return "ended by admin"
	}
	return "unknown"
}
