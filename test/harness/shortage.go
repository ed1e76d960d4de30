// Harness: what a plug logs and uses during a shortage.

package harness

import (
	"regexp"
	"slices"
	"time"
)

// LogSubject matches the subject of a log line, without its numbers and names.
var LogSubject = regexp.MustCompile(`^\([^)]*\): ([a-z][a-z -]*[a-z])`)

// SaysOnce waits for the log line of a shortage and checks, a while later,
// that every error matches limit, a pattern, and that none is repeated. It
// returns the first one. Errors that match others are also allowed.
func (p *Plug) SaysOnce(limit string, others ...string) (first string) {
	p.T.Helper()
	re := regexp.MustCompile(limit)
	names := func() bool {
		return slices.ContainsFunc(p.Errs(), func(r Record) bool { first = r.Text; return re.MatchString(r.Text) })
	}
	if !HoldsWithin(3*time.Second, names) {
		p.T.Errorf("no error is logged that names %q: %v", limit, Last(p.Errs(), 3))
		first = "(nothing)"
	}
	p.Calm(ShortageLasts)
	said, mute := map[string]int{}, map[string]Record{}
	for _, r := range p.Errs() {
		if slices.ContainsFunc(others, func(o string) bool { return regexp.MustCompile(o).MatchString(r.Text) }) {
			continue
		}
		what := LogSubject.ReplaceAllString(LogSubject.FindString(r.Text), "$1")
		said[what]++
		if !re.MatchString(r.Text) {
			mute[what] = r
		}
	}
	for _, r := range mute {
		p.T.Errorf("the log names not %q: %v", limit, r)
	}
	for what, n := range said {
		if n > 1 {
			p.T.Errorf("%q is said %d times", what, n)
		}
	}
	return first
}

// ShortageLasts is the minimum time that a limit lasts after it was logged.
const ShortageLasts = 700 * time.Millisecond

// Errs returns the syslog records of errors.
func (p *Plug) Errs() (found []Record) {
	for _, r := range p.Syslog.All() {
		if r.Priority&7 <= DaemonErr&7 {
			found = append(found, r)
		}
	}
	return found
}

// Calm waits for d and checks that the plug's processes do not spin.
func (p *Plug) Calm(d time.Duration) {
	p.T.Helper()
	procs := p.Procs()
	before, began := TotalCPU(procs), time.Now()
	Passed(d)
	used, took := TotalCPU(procs)-before, time.Since(began)
	if used > took/10 {
		p.T.Errorf("%v of CPU in %v of shortage", used, took)
	}
}
