// TestChaos's judge: which kills may excuse a missing line or a broken
// session.

package chaos

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"daemon/plug/test/harness"
)

// isDoomed reports whether a blow killed a worker whose line could not be
// written: its master was dead, or died before it could bury the worker. A
// worker that has had the time to notice its master's end writes its line at a
// TERM.
func (r *trial) isDoomed(b blow) bool {
	if b.signal == stopSignal || b.role >= theMaster {
		return false
	}
	if b.master != 0 {
		end, ended := r.ended[b.master]
		return ended && end.Sub(b.at) < moment
	}
	if b.signal == syscall.SIGKILL {
		return true
	}
	for _, end := range r.ended {
		if since := b.at.Sub(end); since > -moment && since < moment {
			return true
		}
	}
	return r.stoppedLately(b)
}

// mayHaveHit reports whether the struck worker may have carried the session:
// its title named it, or named no session, or one that was over already.
func (r *trial) mayHaveHit(b blow, s *chaosSession) bool {
	return b.peer == "" || b.peer == s.peer || slices.ContainsFunc(r.sessions, func(o *chaosSession) bool {
		return o.peer == b.peer && o.ended.Before(b.at.Add(50*time.Millisecond))
	})
}

// stoppedLately reports whether the blow struck a stopped process.
func (r *trial) stoppedLately(on blow) bool {
	return slices.ContainsFunc(r.blows, func(b blow) bool {
		return b.pid == on.pid && b.signal == stopSignal && !b.at.After(on.at) && on.at.Sub(b.at) < moment
	})
}

// struck reports whether a process was killed while it may have carried the
// session.
func (r *trial) struck(pid int, s *chaosSession) bool {
	life := harness.Span{From: s.began.Add(-early), To: s.ended.Add(late)}
	return slices.ContainsFunc(r.blows, func(b blow) bool {
		return b.pid == pid && b.signal != stopSignal && life.Overlaps(harness.Span{From: b.at, To: b.at.Add(1)})
	})
}

func (r *trial) anyStruck(life harness.Span) bool {
	return slices.ContainsFunc(r.blows, func(b blow) bool {
		return b.signal != stopSignal && life.Overlaps(harness.Span{From: b.at, To: b.at.Add(1)})
	})
}

// inOutage reports whether the session began without a master, or waited for
// one.
func (r *trial) inOutage(s *chaosSession) bool {
	waited := harness.Span{From: s.began, To: s.first}
	if s.first.IsZero() {
		waited.To = s.ended
	}
	return slices.ContainsFunc(r.outages, func(o harness.Span) bool { return o.Overlaps(waited) })
}

// lineBegins matches where a session line may begin.
var lineBegins = regexp.MustCompile(`\[\d{4}-\d\d-\d\d \d\d:`)

// readTorn reads a session file in which a kill during a write may have left
// the beginning of a line, followed by the next line or by nothing.
func readTorn(path string) (lines []harness.SessionLine, torn int, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	for s := range strings.Lines(string(b)) {
		s, ended := strings.CutSuffix(s, "\n")
		l, fault := harness.ParseSessionLine(s)
		if fault != nil {
			torn++
			if places := lineBegins.FindAllStringIndex(s, -1); len(places) > 0 {
				l, fault = harness.ParseSessionLine(s[places[len(places)-1][0]:])
			}
		}
		switch {
		case fault == nil:
			lines = append(lines, l)
		case ended:
			err = fmt.Errorf("not even behind a torn line: %w", fault)
		}
	}
	return lines, torn, err
}
