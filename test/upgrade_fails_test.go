// TestUpgradeFails: whatever goes wrong, the old master serves on.

package test

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
)

// plight is what an admin may have put at the plug's path.
type plight struct {
	name   string
	put    func(*plug)
	reason string // in the log
}

// files are files that are not a new master, or not one that runs.
var files = []plight{
	{"missing", func(p *plug) { os.Remove(p.bin) }, `no such file`},
	{"not executable", func(p *plug) { p.write(readString(stampedWith(p.t, nextOne)), 0o644) }, `permission denied`},
	{"empty", func(p *plug) { p.write("", 0o755) }, `exec format error`},
	{"text", func(p *plug) { p.write("plug 3.0 is installed here\n", 0o755) }, `exec format error`},
	{"half a binary", func(p *plug) { p.write(readString(stampedWith(p.t, nextOne))[:100_000], 0o755) }, `exec format error|signal`},
	{"a dangling link", func(p *plug) { p.link("/nowhere/plug") }, `no such file`},
	{"a directory", func(p *plug) { os.Remove(p.bin); os.Mkdir(p.bin, 0o755) }, `permission denied|is a directory`},
	{"another architecture", func(p *plug) { p.install(foreign(p.t)) }, `exec format error`},
	{"another program, true", func(p *plug) { p.install(program(p.t, "true")) }, `exited`},
	{"another program, false", func(p *plug) { p.install(program(p.t, "false")) }, `exit status 1`},
	{"an interpreter that is missing", func(p *plug) { p.write("#!/nowhere/sh\n", 0o755) }, `no such file`},
	{"a script that exits", func(p *plug) { p.write("#!/bin/sh\nexit 7\n", 0o755) }, `exit status 7`},
}

func (p *plug) link(to string) {
	p.t.Helper()
	os.Remove(p.bin)
	if err := os.Symlink(to, p.bin); err != nil {
		p.t.Fatal(err)
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
			one := plight{until + ", then " + then, func(p *plug) { p.impostor(script{Until: until, Then: then}) }, reasons[then]}
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
		plight{"a protocol to come", func(p *plug) { p.impostor(script{Until: "offer", Then: "exit", Protocol: 99, Oldest: 98}) }, `protocol: .*98 to 99`},
		plight{"a protocol of the past", func(p *plug) { p.impostor(script{Until: "offer", Then: "exit", Protocol: -1, Oldest: -1}) }, `protocol: `})
	return quick, slow
}

// Wherever an upgrade fails, the old master continues to serve without a
// change and logs the reason, and the next good upgrade succeeds at once.
func TestUpgradeFails(t *testing.T) {
	quick, _ := scripts()
	all := append(slices.Clone(files), quick...)
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		for part := range 3 { // most of the time is spent waiting
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				p := startUnderTrial(t, mode)
				for i, one := range all {
					if i/len(modes)%3 != part || !soak() && !quickly(i, mode) {
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
	every := len(modes)
	if i >= len(files) {
		every *= 4
	}
	return i%every == slices.Index(modes, mode)
}

// Impostors that send nothing get the whole time of a new master.
func TestUpgradeFailsSlowly(t *testing.T) {
	t.Parallel()
	_, slow := scripts()
	slow = append(slow, plight{"another program, sleep", func(p *plug) { p.write("#!/bin/sh\nexec sleep 60\n", 0o755) }, `timed out|no answer within`})
	for i, one := range slow {
		if !soak() && i%8 != 0 {
			continue
		}
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := startUnderTrial(t, mode)
				began := time.Now()
				p.fails(one, upgradeBound)
				if took := time.Since(began); took < 8*time.Second {
					t.Errorf("a new master was given up after %v", took)
				}
			}, someModes(i)...)
		})
	}
}

// someModes are all modes in a soak, otherwise one.
func someModes(i int) []string {
	if soak() {
		return modes
	}
	return []string{modes[i%len(modes)]}
}

// trialPlug is a plug with state that could be lost: sessions, clients that
// have their targets, a rotation, a failed target.
type trialPlug struct {
	*plug
	held    []*net.TCPConn
	clients map[string]string // address → target
	version string
	mend    func() // called before a good upgrade; may be nil
}

func startUnderTrial(t *testing.T, mode string, more ...string) *trialPlug {
	t.Helper()
	args := []string{"--spares", "4:64", "-f", refusing(t)} // so many that no surplus worker is ended
	if mode == "pool" {
		args = append(sparesArgs(mode, 4), args[2:]...)
	}
	p := &trialPlug{plug: startUpgradable(t, mode, thisOne, append(append(args, more...), three(t)...)...), clients: map[string]string{}, version: thisOne}
	for i := range 3 {
		c := dialAs(t, fmt.Sprintf("127.5.0.%d", 1+i), p.addr())
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
	p.t.Helper()
	n := len(p.clients)
	at := fmt.Sprintf("127.6.%d.%d", n/250, 1+n%250)
	p.clients[at] = greeting(p.t, at, p.addr())
	if want := string("abc"[n%3]); p.clients[at] != want {
		p.t.Errorf("new client %d gets %q, the rotation's next is %s", n+1, p.clients[at], want)
	}
}

// remembers checks with clients that nothing has been forgotten.
func (p *trialPlug) remembers() {
	p.t.Helper()
	for _, c := range p.held {
		mustPing(p.t, c)
	}
	n := 0
	for at, target := range p.clients {
		if n++; n > 3 {
			break
		}
		if got := greeting(p.t, at, p.addr()); got != target {
			p.t.Errorf("client %s gets %q, was with %s", at, got, target)
		}
	}
	p.newcomer()
}

// fails makes two upgrades in a row fail, and a third one succeed.
func (p *trialPlug) fails(one plight, bound time.Duration) {
	p.t.Helper()
	for try := range 2 {
		p.settled()
		before := p.condition()
		one.put(p.plug)
		reason := p.failsToUpgrade(bound)
		if !regexp.MustCompile(`(?i)` + one.reason).MatchString(reason) {
			p.t.Errorf("%s: the reason in the log is %s, want %q", one.name, reason, one.reason)
		}
		var what []string
		if !holdsWithin(shortWait, func() bool {
			what = p.condition().differs(before)
			return len(what) == 0
		}) {
			p.t.Errorf("%s: %q", one.name, what)
		}
		if !holdsWithin(shortWait, func() bool { return len(p.strangers()) == 0 }) {
			p.t.Errorf("%s: what should have been the new master is still there: %v", one.name, p.strangers())
		}
		open := before.open
		if try == 0 {
			open = append(open, "tableflip's place")
		}
		// The garbage collector closes what it has dropped.
		if !holdsWithin(shortWait, func() bool { return len(p.condition().open) <= len(open) }) {
			p.t.Errorf("%s: try %d: the master's descriptors are %q, were %q", one.name, try+1, p.condition().open, open)
		}
		p.remembers()
		if bound > 8*time.Second {
			break // once is long enough
		}
	}
	os.RemoveAll(p.bin)
	if p.mend != nil {
		p.mend()
	}
	p.version = map[string]string{thisOne: nextOne, nextOne: thisOne}[p.version]
	p.upgrade(p.version)
	p.remembers()
}

// settled waits until nothing changes any more: besides the sessions' workers
// there are only spares of this master, and the pidfile and the title are up
// to date.
func (p *trialPlug) settled() {
	p.t.Helper()
	carries, carriers := map[int]int{}, p.carriersOf(p.held)
	for _, pid := range carriers {
		carries[pid]++
	}
	calm := func(w process) bool {
		held := carries[w.pid]
		switch {
		case held == 0 && w.ppid != p.master:
			return false
		case p.mode == "pool": // it reports sessions with a delay
			return regexp.MustCompile(fmt.Sprintf(`^plug: %d pool \(%d sessions?\)$`, p.port, held)).MatchString(w.title)
		}
		return held > 0 || w.title == fmt.Sprintf("plug: %d spare", p.port)
	}
	want := fmt.Sprintf("plug: master %d (%d sessions)", p.port, len(p.held))
	all := 4 // workers; if each carries one session, also that many spares
	if p.mode != "pool" {
		all += len(carriers)
	}
	var odd []process
	if !holdsWithin(longWait, func() bool {
		workers := p.workers()
		odd = slices.DeleteFunc(slices.Clone(workers), calm)
		living := map[uint64]bool{} // older generations without workers are removed shortly after their last worker's end
		for _, w := range workers {
			maps.Copy(living, stateMemories(w.pid))
		}
		return len(odd) == 0 && len(workers) >= all && maps.Equal(living, stateMemories(p.master)) && p.listsAll(p.pids()[1:], carriers) && title(p.master) == want
	}) {
		p.t.Fatalf("not settled: workers %v, pidfile %v, title %q", odd, p.pids(), title(p.master))
	}
}

// strangers are the master's children that are not workers, and what they run.
func (p *plug) strangers() (found []string) {
	workers := map[int]bool{}
	for _, w := range p.workers() {
		workers[w.pid] = true
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		var pid int
		fmt.Sscanf(filepath.Base(dir), "%d", &pid)
		if q, err := readProcess(pid); err == nil && q.ppid == p.master && (!workers[pid] || environmentHas(pid, "PLUG_ROLE=")) {
			found = append(found, q.String())
		}
	}
	return found
}
