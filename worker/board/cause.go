package board

import "strconv"

// Culprit ended a session. Values are part of the layout: new ones are added at the
// end, at most Whos in all.
type Culprit uint8

const (
	Nobody     Culprit = iota // it lives
	ByClient                  // by its end, its reset, or because nothing could be written to it
	ByTarget                  // the same, or it could not be connected
	ByProxy                   // the HTTP proxy: the same, or it refused
	ClientLate                // the system gave the silent client up (tcp(7), keepalive and retransmission)
	TargetLate                // the same, or it was not connected in time
	ProxyLate                 // the same, or it did not reply in time
	ByAdmin                   // INT, or the control socket
	BySignal                  // its worker was killed by one
	ByWorker                  // its worker ended, by itself or nobody knows how
	ByMaster                  // QUIT's time was over
	ByLimit                   // descriptors, memory or ports had run out
	ByError                   // another error of this host's or of the program
	Culprits   = 16
)

// culprits are each one's letter and word. A small letter is that of a side whose
// time ran out.
var culprits = [...]struct {
	letter byte
	word   string
}{
	Nobody: {'?', "unknown"}, ByClient: {'C', "client"}, ByTarget: {'T', "target"}, ByProxy: {'P', "proxy"},
	ClientLate: {'c', "client timeout"}, TargetLate: {'t', "target timeout"}, ProxyLate: {'p', "proxy timeout"},
	ByAdmin: {'A', "admin"}, BySignal: {'S', "signal"}, ByWorker: {'W', "worker"}, ByMaster: {'M', "master"},
	ByLimit: {'L', "limit"}, ByError: {'E', "error"},
}

func (w Culprit) known() Culprit {
	if int(w) < len(culprits) {
		return w
	}
	return Nobody
}

// String is the word that logs use, and metrics.
func (w Culprit) String() string { return culprits[w.known()].word }

// Stage is how far a session has come. Values are part of the layout.
type Stage uint8

const (
	NoStage     Stage = iota // of a row that no session has used yet
	Connecting               // to a target, or to the HTTP proxy; next: Negotiating, Relaying
	Negotiating              // waits for the proxy's reply; next: Relaying
	Relaying                 // both directions; next: HalfClosed, Delivering
	HalfClosed               // one side has ended its direction; next: InOrder, Delivering
	InOrder                  // both have, and everything was delivered
	Delivering               // one side has failed: what it sent before goes to the other; a dead worker's last stage
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

// String is the word that logs and the control socket use.
func (s Stage) String() string { return stageNames[s.known()].word }

// Cause is a row's word for why its session ended: who did it (8 bits), at
// which stage (8), and the number of the signal (8). A live session's has the
// stage alone.
type Cause uint32

// MakeCause puts a cause together. The signal counts for BySignal only.
func MakeCause(who Culprit, stage Stage, signal int) Cause {
	c := Cause(who) | Cause(stage)<<8
	if who == BySignal {
		c |= Cause(signal&0xff) << 16
	}
	return c
}

// Culprit ended the session.
func (c Cause) Culprit() Culprit { return Culprit(c) }

// Stage is where it stood then.
func (c Cause) Stage() Stage { return Stage(c >> 8) }

// Signal is the number of the signal that killed its worker; 0 without one.
func (c Cause) Signal() int { return int(uint8(c >> 16)) }

// Code is two letters, who and stage: "C-" is a session that its client ended
// first and in order, "SR" one that was killed while it relayed.
func (c Cause) Code() string {
	return string([]byte{culprits[c.Culprit().known()].letter, stageNames[c.Stage().known()].letter})
}

// String is who, with a signal's number.
func (c Cause) String() string {
	if c.Culprit() == BySignal && c.Signal() != 0 {
		return "signal " + strconv.Itoa(c.Signal())
	}
	return c.Culprit().String()
}
