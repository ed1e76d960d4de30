// Ended sessions by outcome and by who ended them: their sums, and the label
// values of the metrics.

package counters

import "daemon/plug/worker/board"

// Ends counts sessions by outcome and by who ended them. Each session is counted
// in Ended, too.
type Ends [board.Outcomes][board.Culprits]uint64

// See adds what a worker has counted by outcome and by who ended it, and returns
// the number of these sessions.
func (e *Ends) See(w *board.Ends) (sum uint64) {
	for outcome := range e {
		for who := range e[outcome] {
			n := w[outcome][who].Load()
			e[outcome][who] += n
			sum += n
		}
	}
	return sum
}

// outcomes and causes are the label values of the metrics that count ended
// sessions: words without spaces.
var (
	outcomes = [...]string{board.Complete: "complete", board.Unreached: "unreached", board.Cut: "cut", board.Denied: "denied",
		board.Killed: "killed", board.AdminEnded: "admin"}
	causes = [...]string{board.Nobody: "unknown", board.ByClient: "client", board.ByTarget: "target", board.ByProxy: "proxy",
		board.ClientLate: "client_timeout", board.TargetLate: "target_timeout", board.ProxyLate: "proxy_timeout",
		board.ByAdmin: "admin", board.BySignal: "signal", board.ByWorker: "worker", board.ByMaster: "master",
		board.ByLimit: "limit", board.ByError: "error", board.ByTimer: "timer"}
)

// possible lists the causes that each outcome may have. These series exist from
// the start, because a series that begins with its first event has no rate for it.
var possible = [...][]board.Culprit{
	board.Complete:   {board.ByClient, board.ByTarget, board.ByProxy},
	board.Unreached:  {board.ByTarget, board.ByProxy, board.TargetLate, board.ProxyLate, board.ByAdmin, board.ByLimit, board.ByError, board.ByClient},
	board.Cut:        {board.ByClient, board.ByTarget, board.ByProxy, board.ClientLate, board.TargetLate, board.ProxyLate, board.ByLimit, board.ByError, board.ByTimer},
	board.Denied:     {board.ByProxy, board.ProxyLate, board.ByClient, board.ByLimit, board.ByError},
	board.Killed:     {board.BySignal, board.ByWorker},
	board.AdminEnded: {board.ByAdmin, board.BySignal, board.ByMaster},
}

// Words returns the ended sessions by outcome and cause, with the names that
// metrics use.
func (e *Ends) Words() map[string]map[string]uint64 {
	words := make(map[string]map[string]uint64, len(outcomes))
	for outcome, word := range outcomes {
		by := make(map[string]uint64)
		for _, who := range possible[outcome] {
			by[causes[who]] = 0
		}
		for who, n := range e[outcome][:len(causes)] {
			if n > 0 {
				by[causes[who]] = n
			}
		}
		words[word] = by
	}
	for _, of := range e[len(outcomes):] { // outcomes of a newer version
		for _, n := range of {
			if n > 0 {
				words["unknown"] = map[string]uint64{"unknown": n + words["unknown"]["unknown"]}
			}
		}
	}
	return words
}
