// Verbs that only read: status, sessions, targets, workers and configuration. None
// of them changes anything.

package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

var phaseWords = [...]string{opening: "opening", adopting: "opening", running: "running", stopping: "stopping"}

// status describes each plug as a whole.
func (r *request) status() (reply control.Reply, err error) {
	var all []control.Status
	if err = r.loop(func() {
		all = ofAll(r.m, func(p *plug) []control.Status { return []control.Status{*p.status()} })
	}); err != nil {
		return reply, err
	}
	if len(all) > 1 {
		reply, err = inBatches(r, all, func(part []control.Status) control.Reply { return control.Reply{Plugs: part} })
	}
	reply.Status = &all[0]
	return reply, err
}

// status describes a plug and the process that serves it (loop).
func (p *plug) status() *control.Status {
	m, t, x := p.m, p.all(), control.Metrics{}
	live, _ := p.live()
	p.addLive(&t, &x, &live)
	s := &control.Status{Plug: p.name(), Label: p.cfg.Label(), Mode: string(p.cfg.Mode), Phase: phaseWords[m.phase], Paused: p.paused, Trouble: p.trouble(),
		PID: m.pid, Build: m.version, Started: time.Unix(0, m.totals.Started), Since: m.since, Upgrades: m.totals.Upgrades.Done, Shepherd: m.shepherd,
		Sessions: x.Sessions, Accepted: x.Accepted, Workers: p.workersByState(), Limit: p.settled.maxWorkers, Queue: -1,
		Targets: map[string]int{}, LogLevel: m.level, Unwritten: p.unwritten()}
	if host.CountsQueue {
		s.Queue = p.queued()
	}
	for place := range p.generation.board.Places() {
		s.Targets[p.target(p.generation.board.SlotAt(place)).State]++
	}
	return s
}

// liveSession is the loop's copy of a live session, to be described outside of the
// loop.
type liveSession struct {
	plug       string
	child      uint64
	pid, row   int // the row's number within the worker
	generation uint32
	index      uint64 // the row's number within the generation
	build      string
	target     string
	snapshot   board.Snapshot
}

// liveSessions returns all sessions (loop).
func (p *plug) liveSessions() (all []liveSession) {
	for _, c := range p.roster {
		if c.state == gone || c.pid == 0 {
			continue
		}
		g, row := c.generation, -1
		for held := range g.rows(c.slot) {
			row++
			s := liveSession{plug: g.label(), child: c.id, pid: c.pid, row: row, generation: g.number, build: g.build,
				index: uint64(c.slot)*g.board.Tables.RowsEach + uint64(row)}
			if !held.Snapshot(&s.snapshot) || s.snapshot.Word.State() != board.RowLive {
				continue // an ended session may still occupy its row until its line is written
			}
			if t := int(s.snapshot.Word.Target()); t < len(g.targets()) {
				s.target = g.targets()[t]
			}
			all = append(all, s)
		}
	}
	return all
}

// describe converts a session for control clients.
func (s *liveSession) describe(mono int64) control.Session {
	out := describe(&s.snapshot, mono)
	out.ID = fmt.Sprintf("%d-%d-%d", s.generation, s.index, s.snapshot.Word.Epoch())
	out.Plug, out.PID, out.Target, out.Build = s.plug, s.pid, s.target, s.build
	return out
}

// sessions returns those that match the request's filter, in the order of the
// roster.
func (r *request) sessions() (taken []liveSession, described []control.Session, err error) {
	if r.Filter != nil {
		r.Filter.Client = withZoneName(r.Filter.Client)
	}
	match, err := r.Filter.Match()
	if err != nil {
		return nil, nil, err
	}
	ofTarget, err := r.Filter.MatchTarget()
	if err != nil {
		return nil, nil, err
	}
	var all []liveSession
	known := false
	var plugs []string
	if err = r.loop(func() {
		for p := range r.m.all() {
			plugs = append(plugs, p.name())
			known = known || p.anyTarget(ofTarget)
			all = append(all, p.liveSessions()...)
		}
	}); err != nil {
		return nil, nil, err
	}
	if r.Filter != nil && r.Filter.Plug != "" && !slices.Contains(plugs, r.Filter.Plug) {
		return nil, nil, fmt.Errorf("plug %q: no such plug; this master has %s", r.Filter.Plug, quoted(plugs))
	}
	if !known {
		return nil, nil, fmt.Errorf("target %q: no such target in this plug; plugctl targets lists them", r.Filter.Target)
	}
	mono := r.m.mono()
	for i := range all {
		if s := all[i].describe(mono); match(&s) {
			taken, described = append(taken, all[i]), append(described, s)
		}
	}
	return taken, described, nil
}

func (r *request) listSessions() (control.Reply, error) {
	_, all, err := r.sessions()
	if err != nil {
		return control.Reply{}, err
	}
	return inBatches(r, all, func(part []control.Session) control.Reply { return control.Reply{Sessions: part} })
}

func (r *request) listTargets() (control.Reply, error) {
	var all []control.Target
	if err := r.loop(func() { all = ofAll(r.m, (*plug).targets) }); err != nil {
		return control.Reply{}, err
	}
	return inBatches(r, all, func(part []control.Target) control.Reply { return control.Reply{Targets: part} })
}

func (r *request) listWorkers() (control.Reply, error) {
	var all []control.Worker
	if err := r.loop(func() { all = ofAll(r.m, (*plug).workers) }); err != nil {
		return control.Reply{}, err
	}
	return inBatches(r, all, func(part []control.Worker) control.Reply { return control.Reply{Workers: part} })
}

// ofAll returns what of returns for all plugs, in their order.
func ofAll[T any](m *master, of func(*plug) []T) (all []T) {
	for _, p := range m.plugs {
		all = append(all, of(p)...)
	}
	return all
}

// quoted lists names in a message.
func quoted(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strconv.Quote(name)
	}
	return strings.Join(list, ", ")
}

// inBatches sends a long list in parts; the last one is the answer.
func inBatches[T any](r *request, all []T, in func([]T) control.Reply) (control.Reply, error) {
	for ; len(all) > control.Batch; all = all[control.Batch:] {
		if err := r.more(in(all[:control.Batch])); err != nil {
			return control.Reply{}, err
		}
	}
	return in(all), nil
}

// target returns a target of the current generation, without what sessions have
// counted.
func (p *plug) target(slot int) control.Target {
	mark := p.generation.board.TargetState(slot)
	out := control.Target{Plug: p.name(), Target: p.generation.targets()[slot], State: "good", Connects: mark.Connects.Load(), Failures: mark.Failures.Load()}
	failed, failing := mark.Failed.Load(), mark.Failing.Load()
	switch {
	case failed != 0:
		out.State = "failed"
	case failing != 0:
		out.State = "failing"
	}
	if failing == 0 { // the mark of a worker whose version stores nothing else
		failing = failed
	}
	if failing != 0 {
		out.FailedFor = max(0, float64(p.m.mono()/int64(time.Millisecond))-float64(failing-1)) / 1000
	}
	if at := mark.LastFailure.Load(); at != 0 {
		out.LastFailureAt = time.UnixMilli(int64(at))
	}
	if admin := mark.Admin.Load(); admin != board.Enabled && int(admin) < len(adminWords) {
		out.State = adminWords[admin]
	}
	if p.generation.board.Target(slot).Gone != 0 {
		out.State = "removed"
	}
	if errno := mark.Errno.Load(); errno != 0 {
		out.LastFailure = record.Reason(syscall.Errno(errno))
	}
	return out
}

// workers returns those of all generations, in the order of their start (loop).
func (p *plug) workers() (all []control.Worker) {
	now := time.Now().UnixNano()
	for _, c := range p.roster {
		if c.state == gone || c.pid == 0 {
			continue
		}
		column := c.generation.board.Column(c.slot)
		w := control.Worker{Plug: c.generation.label(), PID: c.pid, State: c.stateNow(), Generation: int(c.generation.number), Build: c.generation.build,
			Sessions: int(column.Live.Load())}
		for i := range column.Ended {
			w.Ended += column.Ended[i].Load()
		}
		w.Age = max(0, time.Duration(now-c.born).Seconds())
		all = append(all, w)
	}
	return all
}

// config returns the command line in effect.
func (r *request) config() (reply control.Reply, err error) {
	var values config.Values
	if err = r.loop(func() { values = r.m.plugs[0].running() }); err != nil {
		return reply, err
	}
	all := control.Config{Program: os.Args[0], Args: os.Args[1:]}
	if all.Options, err = values.Shown(); err != nil {
		return reply, err
	}
	reply.Config = &all
	if line, err := json.Marshal(reply); err == nil && len(line) < control.MaxReply-100 {
		return reply, nil
	}
	return r.longConfig(values)
}

// longConfig sends a configuration in parts that fit into one line each: arguments
// and targets come after the rest.
func (r *request) longConfig(values config.Values) (reply control.Reply, err error) {
	rest := *values.Plug
	rest.Targets = nil
	options, err := config.Values{Process: values.Process, Plug: &rest}.Shown()
	if err != nil {
		return reply, err
	}
	reply.Config = &control.Config{Program: os.Args[0], Options: options}
	for args, targets := os.Args[1:], values.Targets; len(args)+len(targets) > 0; {
		if err := r.more(reply); err != nil {
			return reply, err
		}
		n, names := min(len(args), control.Batch), []string{}
		for _, target := range targets[:min(len(targets), control.Batch)] {
			names = append(names, target.String())
		}
		part, err := json.Marshal(names)
		if err != nil {
			return reply, err
		}
		reply.Config = &control.Config{Args: args[:n], Options: map[string]json.RawMessage{"targets": part}}
		args, targets = args[n:], targets[len(names):]
	}
	return reply, nil
}
