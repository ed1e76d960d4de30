// Why a session ended: the culprit, the stage and the signal, with their
// letters
// and words for logs, in the row's Cause word.

package board

import "strconv"

// Culprit is who ended a session. The values are part of the layout: new ones
// are added at the end, at most Culprits in all.
type Culprit uint8

const (
	Nobody     Culprit = iota // the session is not over
	ByClient                  // by its EOF or reset, or because writing to it failed
	ByTarget                  // the same, or connecting to it failed
	ByProxy                   // the HTTP proxy: the same, or it refused the request
	ClientLate                // the kernel dropped the silent client (tcp(7): keepalive, retransmission)
	TargetLate                // the same, or it was not connected in time
	ProxyLate                 // the same, or it did not reply in time
	ByAdmin                   // signal INT, or the control socket
	BySignal                  // its worker was killed by a signal
	ByWorker                  // its worker ended for another or an unknown reason
	ByMaster                  // QUIT's time limit was reached
	ByLimit                   // descriptors, memory or ports had run out
	ByError                   // another local error or an internal error
	ByTimer                   // a timer of the session: see Timer
	Culprits   = 16
)

// culprits are the letter and the word of each. The letter is lower case if
// that side timed out.
var culprits = [...]struct {
	letter byte
	word   string
}{
	Nobody: {'?', "unknown"}, ByClient: {'C', "client"}, ByTarget: {'T', "target"}, ByProxy: {'P', "proxy"},
	ClientLate: {'c', "client timeout"}, TargetLate: {'t', "target timeout"}, ProxyLate: {'p', "proxy timeout"},
	ByAdmin: {'A', "admin"}, BySignal: {'S', "signal"}, ByWorker: {'W', "worker"}, ByMaster: {'M', "master"},
	ByLimit: {'L', "limit"}, ByError: {'E', "error"}, ByTimer: {'z', "timer"},
}

// Timer is which timer of a session ended it. The values are part of the layout.
type Timer uint8

const (
	NoTimer         Timer = iota
	IdleTimer             // no byte either way
	FirstByteTimer        // no first byte
	HalfClosedTimer       // no byte since one side ended its direction
	LifetimeTimer         // of the whole session
)

// timers are the letter and the words of each; of an unknown one, ByTimer's are
// used.
var timers = [...]struct {
	letter byte
	words  string
}{
	IdleTimer: {'i', "idle timeout"}, FirstByteTimer: {'f', "first-byte timeout"},
	HalfClosedTimer: {'h', "half-closed timeout"}, LifetimeTimer: {'l', "lifetime"},
}

// known reports whether it is one of them.
func (t Timer) known() bool { return t != NoTimer && int(t) < len(timers) }

func (w Culprit) known() Culprit {
	if int(w) < len(culprits) {
		return w
	}
	return Nobody
}

// String is the word for logs and metrics.
func (w Culprit) String() string { return culprits[w.known()].word }

// Stage is how far a session has got. The values are part of the layout.
type Stage uint8

const (
	NoStage     Stage = iota // of a row that no session has used yet
	Connecting               // to a target, or to the HTTP proxy; next: Negotiating, Relaying
	Negotiating              // waits for the proxy's reply; next: Relaying
	Relaying                 // both directions are open; next: HalfClosed, Delivering
	HalfClosed               // one side has ended its direction; next: InOrder, Delivering
	InOrder                  // both sides have, and everything was delivered
	Delivering               // one side has failed: its last data goes to the other; also the last stage of a session whose worker died
	stages
)

var stageNames = [stages]struct {
	letter byte
	word   string
}{
	NoStage: {'?', "unknown"}, Connecting: {'C', "connecting"}, Negotiating: {'N', "negotiating"},
	Relaying: {'R', "relaying"}, HalfClosed: {'H', "half-closed"}, InOrder: {'-', "ended"},
	Delivering: {'D', "delivering"},
}

func (s Stage) known() Stage { return min(s, stages) % stages }

// String is the word for logs and the control socket.
func (s Stage) String() string { return stageNames[s.known()].word }

// Cause is the word in a row that says why its session ended: the culprit (8
// bits), the stage (8), the number of the signal (8) and the timer (8). While
// the session lives, only the stage is set.
type Cause uint32

// MakeCause puts a cause together. The detail is the number of the signal with
// BySignal and the Timer with ByTimer; it is not used otherwise.
func MakeCause(who Culprit, stage Stage, detail int) Cause {
	c := Cause(who) | Cause(stage)<<8
	switch who {
	case BySignal:
		c |= Cause(detail&0xff) << 16
	case ByTimer:
		c |= Cause(detail&0xff) << 24
	}
	return c
}

// Culprit ended the session.
func (c Cause) Culprit() Culprit { return Culprit(c) }

// Stage is the session's stage at its end.
func (c Cause) Stage() Stage { return Stage(c >> 8) }

// Signal is the number of the signal that killed its worker, or 0.
func (c Cause) Signal() int { return int(uint8(c >> 16)) }

// Timer is which timer ended the session.
func (c Cause) Timer() Timer { return Timer(c >> 24) }

// timed reports whether a known timer ended the session.
func (c Cause) timed() bool { return c.Culprit() == ByTimer && c.Timer().known() }

// Code is two letters, culprit and stage: "C-" is a session that its client
// ended first and in order, "SR" one that was killed while it relayed. A timer
// has a letter of its own: "iR" is a session that was idle for too long.
func (c Cause) Code() string {
	letter := culprits[c.Culprit().known()].letter
	if c.timed() {
		letter = timers[c.Timer()].letter
	}
	return string([]byte{letter, stageNames[c.Stage().known()].letter})
}

// String is the culprit's word, with the number of a signal, or the timer's.
func (c Cause) String() string {
	switch {
	case c.Culprit() == BySignal && c.Signal() != 0:
		return "signal " + strconv.Itoa(c.Signal())
	case c.timed():
		return timers[c.Timer()].words
	}
	return c.Culprit().String()
}
