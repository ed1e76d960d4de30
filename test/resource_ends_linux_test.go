// TestResource: each resource runs out in turn, and comes back.

package test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// TestResource makes one resource after another run out from outside, by
// prlimit(2), cgroups and namespaces, and then available again. Meanwhile only
// what needs the resource may fail, the log names the limit and its value
// once, and nothing spins; afterwards everything works again without a
// restart. The test's log has a table of the results.
func TestResource(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() { t.Log(endings.table()) })
	for _, c := range []struct {
		name string
		in   namespace
		run  func(*testing.T)
	}{
		{"descriptors of the master", 0, masterDescriptors},
		{"descriptors of workers", 0, workerDescriptors},
		{"processes of a user", 0, userProcesses},
		{"tasks of a cgroup", 0, cgroupTasks},
		{"threads", 0, noThreads},
		{"PIDs", ofPIDs, namespacePIDs},
		{"memory of a cgroup", 0, cgroupMemory},
		{"disk", ofMounts, fullDisk},
		{"disk of stdout", ofMounts, fullDiskOfStdout},
		{"disk, lines given up", ofMounts, fullDiskForLong},
		{"disk, read-only", ofMounts, readOnlyDisk},
		{"size of files", 0, fileSize},
		{"report pipe", 0, fullPipe},
		{"syslog gone", 0, syslogGone},
		{"syslog blocked", 0, syslogBlocked},
		{"ports", ofNet, noPorts},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if os.Getuid() == 0 {
				c.in |= ofNet // see ownNet
			}
			if c.in == 0 || enter(t, c.in, endings.read) {
				c.run(t)
			}
		})
	}
}

// less are the modes that are enough for make test; a soak takes all.
func less(modes ...string) []string {
	if soak() {
		return nil
	}
	return modes
}

// ending is a row of the table.
type ending struct {
	what  string
	log   string
	whole time.Duration // from the lifting of the limit, or from its beginning if it was not lifted
}

var endings endingTable

type endingTable struct {
	mu   sync.Mutex
	rows []ending
}

func (e *endingTable) add(r ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rows = append(e.rows, r)
}

// rowForm is the form of a row in the output of a run inside namespaces.
var rowForm = regexp.MustCompile(`(?m)^ +(\S.*?)  +(\d\S*)  +(\(.*)$`)

// read adds the rows of such a run.
func (e *endingTable) read(output string) {
	for _, m := range rowForm.FindAllStringSubmatch(output, -1) {
		whole, _ := time.ParseDuration(m[2])
		e.add(ending{m[1], m[3], whole})
	}
}

func (e *endingTable) table() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nexhausted\twhole again after\tlog")
	for _, r := range e.rows {
		fmt.Fprintf(w, "%s\t%v\t%s\n", r.what, r.whole.Round(time.Millisecond), r.log)
	}
	w.Flush()
	return b.String()
}

// ended records a row; the subtest's name is its title.
func (p *plug) ended(log string, whole time.Duration) {
	_, name, _ := strings.Cut(p.t.(*testing.T).Name(), "/")
	endings.add(ending{strings.ReplaceAll(name, "_", " "), log, whole})
}

// whats matches the subject of a log line, without its numbers and names.
var whats = regexp.MustCompile(`^\([^)]*\): ([a-z][a-z -]*[a-z])`)

// saysOnce waits for the log line of a shortage and checks, a while later,
// that every error matches limit, a pattern, and that none is repeated. It
// returns the first one. Errors that match others are also allowed.
func (p *plug) saysOnce(limit string, others ...string) (first string) {
	p.t.Helper()
	re := regexp.MustCompile(limit)
	names := func() bool {
		return slices.ContainsFunc(p.errs(), func(r record) bool { first = r.text; return re.MatchString(r.text) })
	}
	if !holdsWithin(3*time.Second, names) {
		p.t.Errorf("no error is logged that names %q: %v", limit, last(p.errs(), 3))
		first = "(nothing)"
	}
	p.calm(shortageLasts)
	said, mute := map[string]int{}, map[string]record{}
	for _, r := range p.errs() {
		if slices.ContainsFunc(others, func(o string) bool { return regexp.MustCompile(o).MatchString(r.text) }) {
			continue
		}
		what := whats.ReplaceAllString(whats.FindString(r.text), "$1")
		said[what]++
		if !re.MatchString(r.text) {
			mute[what] = r
		}
	}
	for _, r := range mute {
		p.t.Errorf("the log names not %q: %v", limit, r)
	}
	for what, n := range said {
		if n > 1 {
			p.t.Errorf("%q is said %d times", what, n)
		}
	}
	return first
}

// shortageLasts is the minimum time that a limit lasts after it was logged.
const shortageLasts = 700 * time.Millisecond

func (p *plug) errs() (found []record) {
	for _, r := range p.syslog.all() {
		if r.priority&7 <= daemonErr&7 {
			found = append(found, r)
		}
	}
	return found
}

// calm waits for d and checks that the plug's processes do not spin.
func (p *plug) calm(d time.Duration) {
	p.t.Helper()
	procs := p.procs()
	before, began := total(procs), time.Now()
	passed(d)
	used, took := total(procs)-before, time.Since(began)
	if used > took/10 {
		p.t.Errorf("%v of CPU in %v of shortage", used, took)
	}
}
