// The outcomes of a session, with their exit statuses and words.

package board

// Outcome is how a session ended. The values are part of the layout: new ones
// are added at the end, at most Outcomes in all.
type Outcome uint32

const (
	Complete   Outcome = iota // both directions ended
	Unreached                 // connecting to every target failed
	Cut                       // reset or write error while relaying
	Denied                    // refused by the HTTP proxy, or ended by an internal error or a limit
	Killed                    // its worker was killed by a signal
	AdminEnded                // ended by an admin through master or worker
)

// Status is the exit status of a session with this outcome, as in 2.5. A
// session whose worker was killed has none and is logged with 4.
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

// String is the word for logs.
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
