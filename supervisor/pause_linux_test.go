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
	if gate.Load() != board.GatePaused || !s.plug.paused || !carrier.told(report.Gate) || !idle.told(report.Gate) {
		t.Errorf("paused: gate %d", gate.Load())
	}
	s.signal(syscall.SIGTTOU)
	if idle.told(report.Gate) {
		t.Error("told again")
	}
	s.signal(syscall.SIGTTIN)
	if gate.Load() != board.GateOpen || s.plug.paused || !idle.told(report.Gate) {
		t.Errorf("resumed: gate %d", gate.Load())
	}
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
	if s.phase != running || s.upgrades.current != under || !s.syslogLines.has("upgrade refused: an upgrade is already in progress") {
		t.Errorf("phase %d, syslog %q", s.phase, s.syslogLines.all())
	}
	s.upgrades.current = nil
	s.phase = opening
	s.signal(syscall.SIGUSR2)
	s.syslog.Sink.Flush(patience)
	if s.upgrades.current != nil || !s.syslogLines.has("upgrade refused: the plug is not serving") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
}
