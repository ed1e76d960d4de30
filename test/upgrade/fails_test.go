// TestUpgradeFails: whatever goes wrong, the old master serves on.

package upgrade

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// plight is what an admin may have put at the plug's path.
type plight struct {
	name   string
	put    func(*harness.Plug)
	reason string // in the log
}

// files are files that are not a new master, or not one that runs.
var files = []plight{
	{"missing", func(p *harness.Plug) { os.Remove(p.Bin) }, `no such file`},
	{"not executable", func(p *harness.Plug) { p.Write(harness.ReadString(harness.Stamped(p.T, harness.NextVersion)), 0o644) }, `permission denied`},
	{"empty", func(p *harness.Plug) { p.Write("", 0o755) }, `exec format error`},
	{"text", func(p *harness.Plug) { p.Write("plug 3.0 is installed here\n", 0o755) }, `exec format error`},
	{"half a binary", func(p *harness.Plug) {
		p.Write(harness.ReadString(harness.Stamped(p.T, harness.NextVersion))[:100_000], 0o755)
	}, `exec format error|signal`},
	{"a dangling link", func(p *harness.Plug) { linkAs(p, "/nowhere/plug") }, `no such file`},
	{"a directory", func(p *harness.Plug) { os.Remove(p.Bin); os.Mkdir(p.Bin, 0o755) }, `permission denied|is a directory`},
	{"another architecture", func(p *harness.Plug) { p.Install(harness.Foreign(p.T)) }, `exec format error`},
	{"another program, true", func(p *harness.Plug) { p.Install(harness.Program(p.T, "true")) }, `exited`},
	{"another program, false", func(p *harness.Plug) { p.Install(harness.Program(p.T, "false")) }, `exit status 1`},
	{"an interpreter that is missing", func(p *harness.Plug) { p.Write("#!/nowhere/sh\n", 0o755) }, `no such file`},
	{"a script that exits", func(p *harness.Plug) { p.Write("#!/bin/sh\nexit 7\n", 0o755) }, `exit status 7`},
}

func linkAs(p *harness.Plug, to string) {
	p.T.Helper()
	os.Remove(p.Bin)
	if err := os.Symlink(to, p.Bin); err != nil {
		p.T.Fatal(err)
	}
}

// scripts are impostors: every step, and every fault after it. Those that use
// the whole 10 s of a new master are slow.
func scripts() (quick, slow []plight) {
	reasons := map[string]string{
		"exit":    `exit status 3`,
		"exit 0":  `exited`,
		"killed":  `killed|signal 9`,
		"abort":   `a whim|exit status 4`,
		"silence": `no answer within|timed out|not ready`,
		"close":   `closed the handover|broken pipe|reset by peer|no answer within|timed out|not ready`,
		"garbage": `invalid message`,
		"huge":    `invalid message`,
		"no JSON": `invalid message`,
		"wrong":   `got \\?"offer`,
		"cut":     `exit status 5`,
		"ready":   `ready without|no answer within|not ready`,
	}
	for _, until := range steps {
		for _, then := range slices.Sorted(maps.Keys(ends)) {
			one := plight{until + ", then " + then, func(p *harness.Plug) { runImpostor(p, script{Until: until, Then: then}) }, reasons[then]}
			switch until {
			case "verified":
				one.reason += `|not ready` // nothing is read before that is over
			case "ready", "commit":
				one.reason += `|broken pipe|reset by peer|closed the handover` // the result is not asked for any more
			}
			asked := slices.Index(steps, until) >= slices.Index(steps, "freeze")
			switch {
			case then == "ready" && until != "start" && until != "hello":
				// Sent too early it is not a fault; later it is a step of its
				// own.
			case (then == "silence" || then == "close" || then == "ready" && until == "hello") && !asked:
				slow = append(slow, one)
			default:
				quick = append(quick, one)
			}
		}
	}
	quick = append(quick,
		plight{"a protocol to come", func(p *harness.Plug) { runImpostor(p, script{Until: "offer", Then: "exit", Protocol: 99, Oldest: 98}) }, `protocol: .*98 to 99`},
		plight{"a protocol of the past", func(p *harness.Plug) { runImpostor(p, script{Until: "offer", Then: "exit", Protocol: -1, Oldest: -1}) }, `protocol: `})
	return quick, slow
}

// Wherever an upgrade fails, the old master continues to serve without a
// change and logs the reason, and the next good upgrade succeeds at once.
func TestUpgradeFails(t *testing.T) {
	t.Parallel()
	quick, _ := scripts()
	all := append(slices.Clone(files), quick...)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		for part := range 3 { // most of the time is spent waiting
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				p := startUnderTrial(t, mode)
				for i, one := range all {
					if i/len(harness.Modes)%3 != part || !harness.Soak() && !quickly(i, mode) {
						continue // a soak tries all of them, in all modes
					}
					p.fails(one, 8*time.Second)
					if t.Failed() {
						return
					}
				}
			})
		}
	})
}

// quickly reports whether a quick run tries the plight with this number in a
// mode: each of files in one mode, and a quarter of the others.
func quickly(i int, mode string) bool {
	every := len(harness.Modes)
	if i >= len(files) {
		every *= 4
	}
	return i%every == slices.Index(harness.Modes, mode)
}

// Impostors that send nothing get the whole time of a new master.
func TestUpgradeFailsSlowly(t *testing.T) {
	t.Parallel()
	_, slow := scripts()
	slow = append(slow, plight{"another program, sleep", func(p *harness.Plug) { p.Write("#!/bin/sh\nexec sleep 60\n", 0o755) }, `timed out|no answer within`})
	for i, one := range slow {
		if !harness.Soak() && i%8 != 0 {
			continue
		}
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := startUnderTrial(t, mode)
				began := time.Now()
				p.fails(one, harness.UpgradeBound)
				if took := time.Since(began); took < 8*time.Second {
					t.Errorf("a new master was given up after %v", took)
				}
			}, someModes(i)...)
		})
	}
}

// someModes are all modes in a soak, otherwise one.
func someModes(i int) []string {
	if harness.Soak() {
		return harness.Modes
	}
	return []string{harness.Modes[i%len(harness.Modes)]}
}

// trialPlug is a plug with state that could be lost: sessions, clients that
// have their targets, a rotation, a failed target.
type trialPlug struct {
	*harness.Plug
	held    []*net.TCPConn
	clients map[string]string // address → target
	version string
	mend    func() // called before a good upgrade; may be nil
}

func startUnderTrial(t *testing.T, mode string, more ...string) *trialPlug {
	t.Helper()
	args := []string{"--spares", "4:64", "-f", harness.Refusing(t)} // so many that no surplus worker is ended
	if mode == "pool" {
		args = append(harness.SparesArgs(mode, 4), args[2:]...)
	}
	p := &trialPlug{Plug: harness.StartUpgradable(t, mode, harness.ThisVersion, append(append(args, more...), harness.ThreeTargets(t)...)...), clients: map[string]string{}, version: harness.ThisVersion}
	for i := range 3 {
		c := harness.DialAs(t, fmt.Sprintf("127.5.0.%d", 1+i), p.Addr())
		c.SetDeadline(time.Now().Add(time.Hour))
		if _, err := c.Read(make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		p.held = append(p.held, c)
	}
	for range 3 {
		p.newcomer()
	}
	return p
}

// newcomer adds a client that gets the next target of the rotation, and keeps
// it.
func (p *trialPlug) newcomer() {
	p.T.Helper()
	n := len(p.clients)
	at := fmt.Sprintf("127.6.%d.%d", n/250, 1+n%250)
	p.clients[at] = harness.Greeting(p.T, at, p.Addr())
	if want := string("abc"[n%3]); p.clients[at] != want {
		p.T.Errorf("new client %d gets %q, the rotation's next is %s", n+1, p.clients[at], want)
	}
}

// remembers checks with clients that nothing has been forgotten.
func (p *trialPlug) remembers() {
	p.T.Helper()
	for _, c := range p.held {
		harness.MustPing(p.T, c)
	}
	n := 0
	for at, target := range p.clients {
		if n++; n > 3 {
			break
		}
		if got := harness.Greeting(p.T, at, p.Addr()); got != target {
			p.T.Errorf("client %s gets %q, was with %s", at, got, target)
		}
	}
	p.newcomer()
}

// fails makes two upgrades in a row fail, and a third one succeed.
func (p *trialPlug) fails(one plight, bound time.Duration) {
	p.T.Helper()
	for try := range 2 {
		p.settled()
		before := conditionOf(p.Plug)
		one.put(p.Plug)
		reason := p.FailsToUpgrade(bound)
		if !regexp.MustCompile(`(?i)` + one.reason).MatchString(reason) {
			p.T.Errorf("%s: the reason in the log is %s, want %q", one.name, reason, one.reason)
		}
		var what []string
		if !harness.HoldsWithin(harness.ShortWait, func() bool {
			what = conditionOf(p.Plug).differs(before)
			return len(what) == 0
		}) {
			p.T.Errorf("%s: %q", one.name, what)
		}
		if !harness.HoldsWithin(harness.ShortWait, func() bool { return len(strangers(p.Plug)) == 0 }) {
			p.T.Errorf("%s: what should have been the new master is still there: %v", one.name, strangers(p.Plug))
		}
		open := before.open
		if try == 0 {
			open = append(open, "tableflip's place")
		}
		// The garbage collector closes what it has dropped.
		if !harness.HoldsWithin(harness.ShortWait, func() bool { return len(conditionOf(p.Plug).open) <= len(open) }) {
			p.T.Errorf("%s: try %d: the master's descriptors are %q, were %q", one.name, try+1, conditionOf(p.Plug).open, open)
		}
		p.remembers()
		if bound > 8*time.Second {
			break // once is long enough
		}
	}
	os.RemoveAll(p.Bin)
	if p.mend != nil {
		p.mend()
	}
	p.version = map[string]string{harness.ThisVersion: harness.NextVersion, harness.NextVersion: harness.ThisVersion}[p.version]
	p.Upgrade(p.version)
	p.remembers()
}

// settled waits until nothing changes any more: besides the sessions' workers
// there are only spares of this master, and the pidfile and the title are up
// to date.
func (p *trialPlug) settled() {
	p.T.Helper()
	carries, carriers := map[int]int{}, p.CarriersOf(p.held)
	for _, pid := range carriers {
		carries[pid]++
	}
	calm := func(w harness.Process) bool {
		held := carries[w.PID]
		switch {
		case held == 0 && w.PPID != p.Master:
			return false
		case p.Mode == "pool": // it reports sessions with a delay
			return regexp.MustCompile(fmt.Sprintf(`^plug: %d pool \(%d sessions?\)$`, p.Port, held)).MatchString(w.Title)
		}
		return held > 0 || w.Title == fmt.Sprintf("plug: %d spare", p.Port)
	}
	want := fmt.Sprintf("plug: master %d (%d sessions)", p.Port, len(p.held))
	all := 4 // workers; if each carries one session, also that many spares
	if p.Mode != "pool" {
		all += len(carriers)
	}
	var odd []harness.Process
	if !harness.HoldsWithin(harness.LongWait, func() bool {
		workers := p.Workers()
		odd = slices.DeleteFunc(slices.Clone(workers), calm)
		living := map[uint64]bool{} // older generations without workers are removed shortly after their last worker's end
		for _, w := range workers {
			maps.Copy(living, stateMemories(w.PID))
		}
		return len(odd) == 0 && len(workers) >= all && maps.Equal(living, stateMemories(p.Master)) && p.ListsAll(p.PIDs()[1:], carriers) && harness.Title(p.Master) == want
	}) {
		p.T.Fatalf("not settled: workers %v, pidfile %v, title %q", odd, p.PIDs(), harness.Title(p.Master))
	}
}

// strangers are the master's children that are not workers, and what they run.
func strangers(p *harness.Plug) (found []string) {
	workers := map[int]bool{}
	for _, w := range p.Workers() {
		workers[w.PID] = true
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		var pid int
		fmt.Sscanf(filepath.Base(dir), "%d", &pid)
		if q, err := harness.ReadProcess(pid); err == nil && q.PPID == p.Master && (!workers[pid] || environmentHas(pid, "PLUG_ROLE=")) {
			found = append(found, q.String())
		}
	}
	return found
}
