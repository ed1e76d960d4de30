// The acts that need a plug of their own: an admin's, the master's own, and
// what comes after a master.

package test

import (
	"syscall"
	"time"

	"daemon/plug/test/harness"
)

// masterActs are done to the only session of a plug. Except without descriptors,
// its target has answered a byte.
var masterActs = []act{
	{"INT", "own", func(s *scene) { s.p.Signal(syscall.SIGINT); s.waitForEnd() }, byAdmin("AR", "admin"), 1, 1},
	{"INT, in QUIT", "own", func(s *scene) {
		s.p.Signal(syscall.SIGQUIT)
		harness.Await(s.t, "the port to be free", harness.NormalWait, func() bool { return !harness.Listening(s.t, s.p.Port) })
		s.p.Signal(syscall.SIGINT)
		s.waitForEnd()
	}, byAdmin("AR", "admin"), 1, 1},
	{"QUIT's time", "drained", func(s *scene) { s.p.Signal(syscall.SIGQUIT); s.waitForEnd() }, byAdmin("MR", "master"), 1, 1},
	{"plugctl kill", "controlled", func(s *scene) { s.p.CtlText("kill", "--all"); s.waitForEnd() }, byAdmin("AR", "admin"), 1, 1},
	// For as long as a connect may take.
	{"no descriptor for the target", "limited", (*scene).waitForEnd,
		failed("LC", "limit", "denied", 4, "Too many open files"), 0, 0},
	// Its worker gets TERM, and that is the cause.
	{"TERM to an orphan", "own", func(s *scene) {
		worker := s.p.Carrier(s.client)
		s.p.Signal(syscall.SIGTERM)
		s.p.MasterGone(10 * time.Second)
		s.p.Noticed()
		harness.MustPing(s.t, s.client) // so that it has been counted
		syscall.Kill(worker, syscall.SIGTERM)
		s.waitForEnd()
	}, byAdmin("SR", "signal 15"), 2, 2},
	// It is not known how an adopted worker has died; the stage of its session
	// is on the board, in both of its versions.
	{"KILL after an upgrade", "this version", (*scene).killAdopted, adopted, 2, 2},
	{"KILL after an upgrade from the older version", "older version", (*scene).killAdopted, adopted, 2, 2},
	{"client first, to a worker of before the upgrade", "this version", func(s *scene) {
		s.p.Upgrade(harness.OlderVersion)
		harness.Finish(s.client)
	}, inOrder("C-", "client", true), 1, 1},
	{"client first, to a worker of after the upgrade", "upgraded", func(s *scene) { harness.Finish(s.client) },
		inOrder("C-", "client", true), 1, 1},
}

var adopted = harness.Why{Code: "WR", Cause: "worker", State: begun, Outcome: "killed", Status: 4, Connected: true, Answered: true}

// killAdopted upgrades the plug and kills the worker, which is not the new
// master's child.
func (s *scene) killAdopted() {
	worker := s.p.Carrier(s.client)
	s.p.Upgrade(harness.NextVersion)
	harness.MustPing(s.t, s.client)
	syscall.Kill(worker, syscall.SIGKILL)
	s.waitForEnd()
}
