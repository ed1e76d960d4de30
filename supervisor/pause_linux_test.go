// Tests of a pause: workers are told, and a paused plug starts none; and of
// upgrades that are refused.

package supervisor

import (
	"syscall"
	"testing"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

func TestPauseAndResume(t *testing.T) {
	s, carrier, idle := withSession(t, nil)
	gate := &s.plug.generation.board.State.Gate
	s.signal(syscall.SIGTTOU)
	checkEqual(t, "the gate after TTOU", gate.Load(), board.GatePaused)
	checkEqual(t, "the pause after TTOU", s.plug.paused, true)
	checkEqual(t, `"the busy worker was told of the pause"`, carrier.told(report.Gate), true)
	checkEqual(t, `"the spare was told of the pause"`, idle.told(report.Gate), true)
	s.signal(syscall.SIGTTOU)
	if idle.told(report.Gate) {
		t.Error("told again")
	}
	s.signal(syscall.SIGTTIN)
	checkEqual(t, "the gate after TTIN", gate.Load(), board.GateOpen)
	checkEqual(t, "the pause after TTIN", s.plug.paused, false)
	checkEqual(t, `"the spare was told of the open gate"`, idle.told(report.Gate), true)
	s.signal(syscall.SIGTERM)
	s.signal(syscall.SIGTTIN)
	s.signal(syscall.SIGTTOU)
	if gate.Load() != board.GateDraining {
		t.Errorf("gate %d of a plug that stops", gate.Load())
	}
	early := newTestMaster(t, nil)
	early.signal(syscall.SIGTTOU)
	if early.plug.paused || early.plug.generation.board.State.Gate.Load() != board.GateClosed {
		t.Error("paused before it served")
	}
}

// A paused plug starts no workers for clients, which have to wait.
func TestPausedPlugStartsNoWorkers(t *testing.T) {
	s := newTestMaster(t, func(c *settings) { c.SparesMin, c.SparesMax = 0, 3 })
	s.afterEvent()
	s.signal(syscall.SIGTTOU)
	s.client()
	s.afterEvent()
	if s.plug.count[starting] != 0 {
		t.Errorf("%d workers starting during the pause", s.plug.count[starting])
	}
	s.signal(syscall.SIGTTIN)
	s.afterEvent()
	if s.plug.count[starting] != 1 {
		t.Errorf("%d workers starting after the pause", s.plug.count[starting])
	}
}

func TestUpgradeIsRefused(t *testing.T) {
	s, _ := serving(t, nil)
	under := &upgrade{}
	s.upgrades.current = under
	s.signal(syscall.SIGUSR2)
	s.syslog.Sink.Flush(patience)
	checkEqual(t, "the phase", s.phase, running)
	if s.upgrades.current != under {
		t.Error("the upgrade in progress was replaced")
	}
	if !s.syslogLines.has("upgrade refused: an upgrade is already in progress") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
	s.upgrades.current = nil
	s.phase = opening
	s.signal(syscall.SIGUSR2)
	s.syslog.Sink.Flush(patience)
	if s.upgrades.current != nil || !s.syslogLines.has("upgrade refused: the plug is not serving") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
}
