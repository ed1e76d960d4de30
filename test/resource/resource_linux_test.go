// TestResource: each resource runs out in turn, and comes back.

package resource

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"daemon/plug/test/harness"
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
		in   harness.Namespace
		run  func(*testing.T)
	}{
		{"descriptors of the master", 0, masterDescriptors},
		{"descriptors of workers", 0, workerDescriptors},
		{"processes of a user", 0, userProcesses},
		{"tasks of a cgroup", 0, cgroupTasks},
		{"threads", 0, noThreads},
		{"PIDs", harness.OfPIDs, namespacePIDs},
		{"memory of a cgroup", 0, cgroupMemory},
		{"disk", harness.OfMounts, fullDisk},
		{"disk of stdout", harness.OfMounts, fullDiskOfStdout},
		{"disk, lines given up", harness.OfMounts, fullDiskForLong},
		{"disk, read-only", harness.OfMounts, readOnlyDisk},
		{"size of files", 0, fileSize},
		{"report pipe", 0, fullPipe},
		{"syslog gone", 0, syslogGone},
		{"syslog blocked", 0, syslogBlocked},
		{"ports", harness.OfNet, noPorts},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if os.Getuid() == 0 {
				c.in |= harness.OfNet // see harness.OwnNet
			}
			if c.in == 0 || harness.InNamespace(t, c.in, endings.read) {
				c.run(t)
			}
		})
	}
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

// addEnding records a row; the subtest's name is its title.
func addEnding(p *harness.Plug, log string, whole time.Duration) {
	_, name, _ := strings.Cut(p.T.(*testing.T).Name(), "/")
	endings.add(ending{strings.ReplaceAll(name, "_", " "), log, whole})
}
