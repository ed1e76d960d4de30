// The verbs of the control socket: a request is checked, carried out in the loop,
// and answered.

package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// request is a client's request, answered in a goroutine of its own. It reads the
// master's state in the loop, as plain data, and writes the answer outside of it.
type request struct {
	*control.Request
	m       *master
	more    func(control.Reply) error
	counted bool
}

var (
	errChanging = errors.New("an upgrade is in progress; try again")
	errStopped  = errors.New("the plug has stopped")
)

// answer handles one request (a client's goroutine).
func (m *master) answer(req *control.Request, more func(control.Reply) error) control.Reply {
	r := &request{Request: req, m: m, more: more}
	reply, err := r.obey()
	if err != nil {
		reply.Error, reply.Again = host.Reason(err), err == errChanging
		var wrong *fileError
		if errors.As(err, &wrong) {
			reply.Error = "reload failed; nothing has changed\n" + strings.TrimSuffix(wrong.loaded.Complaints(), "\n")
		}
	}
	return reply
}

// verb is one command of the control socket.
type verb struct {
	name control.Verb
	do   func(*request) (control.Reply, error)
}

// verbs returns all of them.
func verbs() []verb {
	return []verb{
		{control.GetStatus, (*request).status},
		{control.GetSessions, (*request).listSessions},
		{control.GetTargets, (*request).listTargets},
		{control.GetWorkers, (*request).listWorkers},
		{control.GetConfig, (*request).config},
		{control.GetMetrics, (*request).metrics},
		{control.Kill, (*request).kill},
		{control.SetTarget, (*request).setTarget},
		{control.SetAccept, (*request).setAccept},
		{control.Upgrade, (*request).upgrade},
		{control.Reload, (*request).reload},
		{control.Reopen, func(r *request) (control.Reply, error) { return r.later(reopenPatience, (*master).reopened) }},
		{control.Stop, (*request).stop},
		{control.SetLogLevel, (*request).setLogLevel},
	}
}

func (r *request) obey() (control.Reply, error) {
	for _, v := range verbs() {
		if v.name == r.Verb {
			return v.do(r)
		}
	}
	return control.Reply{}, fmt.Errorf("verb %q: this plug does not know this request", r.Verb)
}

// loop runs call in the loop. Between two masters it fails: the other master might
// not know what one of them reports or changes then.
func (r *request) loop(call func()) (err error) {
	m := r.m
	if !m.do(func() {
		if m.upgrades.frozen {
			err = errChanging
			return
		}
		if !r.counted {
			r.counted = true
			m.totals.Requests++
		}
		call()
	}) {
		return m.ended()
	}
	return err
}

// ended returns why the loop has ended (any goroutine, after that).
func (m *master) ended() error {
	if m.upgrades.replacedBy != 0 {
		return errChanging
	}
	return errStopped
}

// act is the result of an order.
type act struct {
	said    string
	changed bool
}

func (a act) reply() control.Reply { return control.Reply{Said: a.said, Changed: &a.changed} }

// short carries out an order that completes at once.
func (r *request) short(do func(*master) (act, error)) (reply control.Reply, err error) {
	var done act
	if failed := r.loop(func() { done, err = do(r.m) }); failed != nil {
		return reply, failed
	}
	if err != nil {
		return reply, err
	}
	return done.reply(), nil
}

func (r *request) setAccept() (control.Reply, error) {
	if r.State != "open" && r.State != "paused" {
		return control.Reply{}, fmt.Errorf("state %q: must be open or paused", r.State)
	}
	return r.short(func(m *master) (act, error) {
		if m.phase != running {
			return act{}, errors.New("the plug is not serving")
		}
		paused := r.State == "paused"
		done := act{"accepting clients", slices.ContainsFunc(m.plugs, func(p *plug) bool { return p.paused != paused })}
		if m.pause(paused); paused {
			done.said = "accepting is paused; new clients wait"
		}
		return done, nil
	})
}

// setLogLevel sets the log level, as that many -d would.
func (r *request) setLogLevel() (control.Reply, error) {
	if r.Level < 0 || r.Level > 2 {
		return control.Reply{}, fmt.Errorf("level %d: must be 0, 1 or 2 (the number of -d options)", r.Level)
	}
	return r.short(func(m *master) (act, error) {
		done := act{fmt.Sprintf("the log level is %d", r.Level), r.Level != m.level}
		m.useLogLevel(r.Level)
		m.levelSet = true
		if !m.cfg.Foreground {
			done.said += ", but this plug runs in the background and logs only warnings and errors, to syslog"
		}
		return done, nil
	})
}

func (m *master) useLogLevel(level int) {
	m.level = level
	m.log.SetLevel([]hclog.Level{hclog.Warn, hclog.Debug, hclog.Trace}[min(level, 2)])
	for g := range m.generations() {
		g.board.State.LogAt.Store(uint32(level))
	}
}

// adminWords are the states of a target that an admin sets, by TargetState.Admin.
var adminWords = [...]string{board.Enabled: "enabled", board.Draining: "draining", board.Disabled: "disabled"}

// setTarget sets the state that an admin wants for a target, in all generations.
func (r *request) setTarget() (reply control.Reply, err error) {
	want := -1
	for i, word := range adminWords {
		if r.State == word {
			want = i
		}
	}
	if want < 0 {
		return reply, fmt.Errorf("state %q: must be enabled, draining or disabled", r.State)
	}
	var targets []control.Target
	reply, err = r.short(func(m *master) (act, error) {
		done := act{said: r.Target + " is " + r.State}
		if m.phase != running {
			return done, errors.New("the plug is not serving")
		}
		for g := range m.generations() {
			for i, name := range g.targets() {
				if name == r.Target {
					was := g.board.TargetState(i).Admin.Swap(uint32(want))
					done.changed = done.changed || was != uint32(want)
				}
			}
		}
		targets = slices.DeleteFunc(ofAll(m, (*plug).targets), func(t control.Target) bool { return t.Target != r.Target })
		if len(targets) == 0 {
			return done, fmt.Errorf("target %q: no such target in this plug; expected one as on the command line, such as %s", r.Target, m.plugs[0].targetsInOrder()[0])
		}
		m.log.Info("target "+r.State, "target", r.Target)
		return done, nil
	})
	if err != nil {
		return reply, err
	}
	done := reply
	reply, err = inBatches(r, targets, func(part []control.Target) control.Reply { return control.Reply{Targets: part} })
	reply.Said, reply.Changed = done.Said, done.Changed
	return reply, err
}
