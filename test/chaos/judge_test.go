// TestChaos's judge: it compares clients, targets, session lines and blows.

package chaos

import (
	"fmt"
	"slices"
	"time"

	"daemon/plug/test/harness"
)

// trial is all that the judge knows: what clients, targets and the session
// file report, and when which blow fell. Nothing comes from the plug itself.
type trial struct {
	single   bool // each worker carries one session at a time
	sessions []*chaosSession
	targets  map[string][2]int64 // by address: accepted connections, and how many of them without a number
	lines    []harness.SessionLine
	torn     int // lines that were cut by a kill during the write
	blows    []blow
	ended    map[int]time.Time // masters
	outages  []harness.Span
}

// verdict counts the exceptions that are allowed, and lists the faults.
type verdict struct {
	whole, broken, unserved      int
	lost, dropped, twice, doomed int
	waits                        []time.Duration
	faults                       []string
}

func (v verdict) String() string {
	slices.Sort(v.waits)
	at := func(q float64) time.Duration {
		if len(v.waits) == 0 {
			return 0
		}
		return v.waits[int(q*float64(len(v.waits)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("%d sessions whole, %d broken by a blow, %d while no master was there; "+
		"%d lines lost in %d deaths of master and worker, %d clients dropped before they were admitted, %d lines twice; "+
		"first byte after p50 %v, p99 %v, max %v",
		v.whole, v.broken, v.unserved, v.lost, v.doomed, v.dropped, v.twice, at(0.5), at(0.99), at(1))
}

const (
	// servedWithin is the longest time that a client may wait for its target's
	// first byte while there is a master: stops last half a second, starts
	// take place at the same time, and the machine may be slow.
	servedWithin = 10 * time.Second
	// early and late limit the time between a blow and its effect: a stopped
	// process dies of TERM only when it is continued.
	early = 1500 * time.Millisecond
	late  = 1500 * time.Millisecond
	// moment is how long a master may take for a burial: stops last half a
	// second.
	moment = time.Second
)

func (r *trial) judge() (v verdict) {
	fault := func(format string, args ...any) { v.faults = append(v.faults, fmt.Sprintf(format, args...)) }
	byPeer := map[string][]harness.SessionLine{}
	for _, l := range r.lines {
		byPeer[l.Peer] = append(byPeer[l.Peer], l)
	}
	for _, b := range r.blows {
		if r.isDoomed(b) {
			v.doomed++
		}
	}
	unnamed := map[string][2]int64{} // lines by target that did not get the session's number: all, and those with bytes
	for _, s := range r.sessions {
		if !s.first.IsZero() {
			v.waits = append(v.waits, s.first.Sub(s.began))
		}
		lines := byPeer[s.peer]
		delete(byPeer, s.peer)
		if len(lines) == 0 {
			r.withoutLine(s, &v, fault)
			continue
		}
		l := lines[0]
		if len(lines) > 1 {
			v.twice++
			if len(lines) > 2 || lines[1].PID != l.PID || lines[1].Target != l.Target || !r.struck(l.PID, s) {
				fault("%s: %d lines, though its worker was not killed: %v", s.peer, len(lines), lines)
			}
		}
		if s.seen == 0 {
			n := unnamed[l.Target]
			n[0]++
			if l.Out > 0 {
				n[1]++
			}
			unnamed[l.Target] = n
		}
		if r.judgeLine(s, l, fault) {
			v.whole++
		} else {
			v.broken++
			if !r.struck(l.PID, s) {
				fault("%s (%s) broke, though nobody struck worker %d: client %v, target %v; began %s, first byte after %v, ended after %v",
					s.peer, s.plan.name, l.PID, s.err, s.targetErr, s.began.Format("05.000"), s.first.Sub(s.began), s.ended.Sub(s.began))
			}
		}
		if wait := s.first.Sub(s.began); wait > servedWithin && !r.inOutage(s) {
			fault("%s waited %v for its target", s.peer, wait)
		}
	}
	for peer, lines := range byPeer {
		fault("%d lines of %s, which is no client: %v", len(lines), peer, lines[0])
	}
	r.judgeTargets(unnamed, v.lost, fault)
	r.judgeCounts(&v, fault)
	return v
}

// withoutLine judges a session without a line.
func (r *trial) withoutLine(s *chaosSession, v *verdict, fault func(string, ...any)) {
	life := harness.Span{From: s.began.Add(-early), To: s.ended.Add(late)}
	if s.seen > 0 || s.received > 0 { // certainly admitted
		for _, b := range r.blows {
			if r.isDoomed(b) && life.Overlaps(harness.Span{From: b.at, To: b.at.Add(1)}) && r.mayHaveHit(b, s) {
				v.lost++
				return
			}
		}
		fault("%s (%s) was carried (whole: %v) and has no line, though no worker died with its master: client %v, began %s, ended after %v",
			s.peer, s.plan.name, s.whole(), s.err, s.began.Format("05.000"), s.ended.Sub(s.began))
		return
	}
	if r.inOutage(s) {
		v.unserved++
		return
	}
	if r.anyStruck(life) && s.ended.Sub(s.began) < servedWithin {
		v.dropped++
		return
	}
	fault("%s was left without a word: %v after %v, began %s", s.peer, s.err, s.ended.Sub(s.began), s.began.Format("05.000"))
}

// judgeLine compares a line with what both ends know, and reports whether the
// session was whole.
func (r *trial) judgeLine(s *chaosSession, l harness.SessionLine, fault func(string, ...any)) bool {
	up, down := numberSize+s.plan.up.n, greetingSize+s.plan.down.n
	if s.seen > 1 {
		fault("%s reached %d targets", s.peer, s.seen)
	}
	if s.seen == 1 && l.Target != s.target {
		fault("%s was carried to %s, its line says %s", s.peer, s.target, l.Target)
	}
	if l.In > up || l.Out > down || l.In < s.taken || l.Out < s.received {
		fault("%s (%s): IN %d, OUT %d; sent %d and %d, arrived %d and %d", s.peer, s.plan.name, l.In, l.Out, up, down, s.taken, s.received)
	}
	if !s.whole() {
		return false
	}
	if s.plan.order != cutShort && (l.In != up || l.Out != down) {
		fault("%s (%s): IN %d, OUT %d of a whole session of %d and %d", s.peer, s.plan.name, l.In, l.Out, up, down)
	}
	if longest := s.ended.Sub(s.began) + 2*time.Second; l.Took > longest {
		fault("%s: USEC says %v, its client %v", s.peer, l.Took, s.ended.Sub(s.began))
	}
	return true
}

// judgeTargets: the connections that the targets accepted are those that the
// lines report. If a session's worker was killed before it had passed on the
// number, only the line is known: it was certainly connected if it has bytes
// from the target.
func (r *trial) judgeTargets(unnamed map[string][2]int64, lost int, fault func(string, ...any)) {
	for addr, n := range r.targets {
		nameless, lines := n[1], unnamed[addr]
		if nameless < lines[1] || nameless > lines[0]+int64(lost) {
			fault("target %s accepted %d connections, %d of them nameless; %d lines say so, %d with bytes", addr, n[0], nameless, lines[0], lines[1])
		}
	}
	for addr, lines := range unnamed {
		if _, ok := r.targets[addr]; !ok && lines[1] > 0 {
			fault("%d lines with bytes of %s, which accepts nobody", lines[1], addr)
		}
	}
}

// judgeCounts limits what must be rare, because it happens between two steps
// of a process. Between accept and admission, a busy machine sometimes
// interrupts the process: up to 6 clients in 561 blows were dropped, but
// usually none.
func (r *trial) judgeCounts(v *verdict, fault func(string, ...any)) {
	rare, dropped := 2+len(r.blows)/200, 5+len(r.blows)/100
	if v.twice > rare || r.torn > rare || v.dropped > dropped {
		fault("of %d blows: %d lines twice, %d torn, at most %d of each would be rare; %d clients dropped, at most %d", len(r.blows), v.twice, r.torn, rare, v.dropped, dropped)
	}
	if r.single && v.lost > v.doomed {
		fault("%d lines lost in %d deaths of master and worker", v.lost, v.doomed)
	}
}
