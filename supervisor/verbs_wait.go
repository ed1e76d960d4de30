// Verbs that wait: upgrade, stop and reopen answer when they are done or have
// failed.

package supervisor

import (
	"fmt"
	"time"

	"daemon/plug/supervisor/control"
)

const (
	progressEvery = time.Second            // at least this often, so that the client sees that this master lives
	pollAgain     = 100 * time.Millisecond // how often to check for changes
)

// sessionsNow returns the number of live sessions; ok is false when the loop has
// ended.
func (m *master) sessionsNow() (n int, ok bool) {
	ok = m.do(func() { n = m.sessions() })
	return n, ok
}

// reopenPatience is how long a client waits for an operation that may wait for a
// disk.
const reopenPatience = 5 * time.Second

// reloadPatience is how long a client waits for a reload: it may retry a port, open files
// and start workers.
const reloadPatience = 2*startPatience + openPatience

// reload answers when the changes are in effect, or with the reason why nothing has
// changed. A dry run only says what would change.
func (r *request) reload() (control.Reply, error) {
	return r.later(reloadPatience, func(m *master, then func(act, error)) { m.reload(r.DryRun, then) })
}

// later carries out an order that may wait, for example for a disk.
func (r *request) later(patience time.Duration, do func(m *master, then func(act, error))) (reply control.Reply, err error) {
	type result struct {
		act
		err error
	}
	done := make(chan result, 1)
	path := ""
	if err := r.loop(func() {
		path = r.m.plugs[0].sessionFile.path
		do(r.m, func(what act, err error) { done <- result{what, err} })
	}); err != nil {
		return reply, err
	}
	select {
	case d := <-done:
		if d.err != nil {
			return reply, d.err
		}
		return d.reply(), nil
	case <-r.m.over:
		return reply, r.m.ended()
	case <-time.After(patience):
		return reply, fmt.Errorf("session file %s: %w", path, errAway)
	}
}

// upgrade answers when the new master serves, or with the reason why it does not.
func (r *request) upgrade() (reply control.Reply, err error) {
	var u *upgrade
	path := ""
	if failed := r.loop(func() {
		path = r.m.cfg.Control
		u, err = r.m.upgradeNow()
	}); failed != nil {
		return reply, failed
	}
	if err != nil {
		return reply, err
	}
	for {
		select {
		case <-u.over:
			if u.err != nil {
				return reply, u.err
			}
			reply = act{fmt.Sprintf("PID %d is now the master (version %s)", u.next, u.build), true}.reply()
			reply.Status = statusAt(path)
			return reply, nil
		case <-time.After(progressEvery):
			n, _ := r.m.sessionsNow()
			r.more(control.Reply{Progress: &control.Progress{Phase: "upgrading", Sessions: n}})
		}
	}
}

// statusAt returns the new master's status; nil if it does not answer.
func statusAt(path string) *control.Status {
	client, err := control.Dial(path, lastWords/2)
	if err != nil {
		return nil
	}
	defer client.Close()
	reply, _ := client.Ask(control.Request{Verb: control.GetStatus})
	return reply.Status
}

// stop ends the plug. With Drain it reports how many sessions are left until there
// are none; if the client disconnects, the drain continues.
func (r *request) stop() (reply control.Reply, err error) {
	n, done := 0, act{said: "the plug has stopped"}
	err = r.loop(func() {
		n = r.m.sessions()
		done.changed = r.m.phase != stopping || r.m.shutdown.draining && !r.Drain && !r.m.starter.EndsAll()
		if r.Drain {
			r.m.drain()
		} else {
			r.m.term()
		}
	})
	if err != nil {
		return reply, err
	}
	if !r.Drain {
		done.said = r.m.stopped(n)
		return done.reply(), nil
	}
	var at time.Time
	for told := -1; ; time.Sleep(pollAgain) {
		left, ok := r.m.sessionsNow()
		if !ok {
			break
		}
		if n = left; n == told && time.Since(at) < progressEvery {
			continue
		}
		told, at = n, time.Now()
		if err := r.more(control.Reply{Progress: &control.Progress{Phase: "draining", Sessions: n}}); err != nil {
			return reply, err
		}
	}
	return done.reply(), nil
}
