// The acts that can end a session, and what the plug then says about it.

package test

import (
	"io"
	"syscall"
	"time"

	"daemon/plug/test/harness"
)

// An act is what a client, a target, a proxy, an admin or a signal does to a
// session, and how the plug records its end: in the log, in the session file
// and in syslog.
type act struct {
	name    string
	how     string // name of the plug: see actPlugs
	do      func(s *scene)
	want    harness.Why
	in, out int64 // bytes in the session file; -1 if that depends on the moment
}

const (
	lost   = "Connection reset by peer"
	broken = "Broken pipe"
	resets = lost + "|" + broken // the plug learns of it by a read or by a write
)

// relayActs are done while the session relays: by its ends, and by signals to
// its worker.
var relayActs = []act{
	{"client first", "relay", func(s *scene) { s.targetSays(); s.inOrder(s.client, s.target) },
		inOrder("C-", "client", true), 0, 1},
	{"client first, without an answer", "relay", func(s *scene) { s.inOrder(s.client, s.target) },
		inOrder("C-", "client", false), 0, 0},
	{"client first, after a byte each way", "echo", func(s *scene) {
		harness.MustPing(s.t, s.client)
		harness.Finish(s.client)
	}, inOrder("C-", "client", true), 1, 1},
	{"target first", "relay", func(s *scene) { s.targetSays(); s.inOrder(s.target, s.client) },
		inOrder("T-", "target", true), 0, 1},
	{"client resets", "relay", func(s *scene) { s.targetSays(); harness.Reset(s.client) },
		cut("CR", "client", begun, true, lost), 0, 1},
	{"client resets, without an answer", "relay", func(s *scene) { s.clientSays(); harness.Reset(s.client) },
		cut("CR", "client", begun, false, lost), 1, 0},
	{"client resets, after a byte each way", "echo", func(s *scene) {
		harness.MustPing(s.t, s.client)
		harness.Reset(s.client)
	}, cut("CR", "client", begun, true, lost), 1, 1},
	{"target resets", "relay", func(s *scene) { s.targetSays(); harness.Reset(s.target) },
		cut("TR", "target", begun, true, lost), 0, 1},
	{"target resets, without an answer", "relay", func(s *scene) { s.clientSays(); harness.Reset(s.target) },
		cut("TR", "target", begun, false, lost), 1, 0},
	{"target resets at a byte", "resetter", func(s *scene) {
		harness.MustPing(s.t, s.client)
		s.client.Write([]byte("x"))
		s.waitForEnd()
	}, cut("TR", "target", begun, true, lost), 2, -1},
	{"client first, then target resets", "relay", func(s *scene) { s.endHalf(s.client, s.target); harness.Reset(s.target) },
		cut("TH", "target", halfClosed, false, resets), 0, 0},
	{"client first, then it resets", "relay", func(s *scene) { s.endHalf(s.client, s.target); harness.Reset(s.client) },
		cut("CH", "client", halfClosed, false, broken), 0, 0},
	{"target first, then client resets", "relay", func(s *scene) { s.endHalf(s.target, s.client); harness.Reset(s.client) },
		cut("CH", "client", halfClosed, false, resets), 0, 0},
	{"target first, then it resets", "relay", func(s *scene) { s.endHalf(s.target, s.client); harness.Reset(s.target) },
		cut("TH", "target", halfClosed, false, broken), 0, 0},

	{"client, with bytes under way to it", "relay", func(s *scene) { cram(s.target); harness.Reset(s.client) },
		cut("CR", "client", begun, true, resets), 0, -1},
	{"target, with bytes under way to it", "relay", func(s *scene) { cram(s.client); harness.Reset(s.target) },
		cut("TR", "target", begun, false, resets), -1, 0},
	{"client, with bytes under way from it", "relay", func(s *scene) { cram(s.client); harness.Reset(s.client) },
		cut("CR", "client", begun, false, resets), -1, 0},
	{"target, with bytes under way from it", "relay", func(s *scene) { cram(s.target); harness.Reset(s.target) },
		cut("TR", "target", begun, true, resets), 0, -1},
	{"client, after its end, with bytes under way", "relay", func(s *scene) { crampedEnd(s.client); harness.Reset(s.client) },
		cut("CR", "client", begun, false, resets), -1, 0},
	{"client, after the target's end, with bytes under way", "relay", func(s *scene) { crampedEnd(s.target); harness.Reset(s.client) },
		cut("CR", "client", begun, true, resets), 0, -1},
	{"client closes while the target goes on sending", "relay", func(s *scene) {
		s.targetSays()
		s.client.Close()
		sendOn(s.target)
	}, cut("C[RH]", "client", begun+"|"+halfClosed, true, resets), 0, -1},
	{"target closes while the client goes on sending", "relay", func(s *scene) { s.target.Close(); sendOn(s.client) },
		cut("T[RH]", "target", begun+"|"+halfClosed, false, resets), -1, 0},
	{"client closes, and the target goes on sending when it knows", "relay", func(s *scene) {
		s.targetSays()
		s.client.Close()
		s.hasEnded(s.target)
		sendOn(s.target)
	}, cut("CH", "client", halfClosed, true, resets), 0, -1},
	{"target closes, and the client goes on sending when it knows", "relay", func(s *scene) {
		s.clientSays()
		s.target.Close()
		s.hasEnded(s.client)
		sendOn(s.client)
	}, cut("TH", "target", halfClosed, false, resets), -1, 0},
	{"both reset at once", "relay", func(s *scene) { s.clientSays(); go harness.Reset(s.client); harness.Reset(s.target) },
		cut("CR|TR", "client|target", begun, false, lost), 1, 0},

	{"KILL", "echo", func(s *scene) { harness.MustPing(s.t, s.client); s.kill(syscall.SIGKILL) },
		harness.KilledAt(syscall.SIGKILL, begun, true, true), 1, 1},
	{"TERM", "echo", func(s *scene) { harness.MustPing(s.t, s.client); s.kill(syscall.SIGTERM) },
		harness.KilledAt(syscall.SIGTERM, begun, true, true), 1, 1},
	{"KILL when half-closed", "relay", func(s *scene) { s.endHalf(s.client, s.target); s.kill(syscall.SIGKILL) },
		harness.KilledAt(syscall.SIGKILL, halfClosed, true, false), 0, 0},
}

const (
	begun      = "relaying"
	halfClosed = "half-closed"
)

// inOrder is how a session ends whose directions both end in order.
func inOrder(code, cause string, answered bool) harness.Why {
	return harness.Why{Code: code, Cause: cause, State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: answered}
}

// cut is how a relaying session ends by a reset.
func cut(code, cause, state string, answered bool, reason string) harness.Why {
	return harness.Why{Code: code, Cause: cause, State: state, Outcome: "cut", Status: 3, Connected: true, Answered: answered, Reason: reason}
}

// byAdmin is how a relaying session ends that the plug itself ends.
func byAdmin(code, cause string) harness.Why {
	return harness.Why{Code: code, Cause: cause, State: begun, Outcome: "ended by admin", Status: 4, Connected: true, Answered: true}
}

// sendOn sends until the other side has closed.
func sendOn(c io.Writer) {
	for {
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			return
		}
		harness.Passed(time.Millisecond)
	}
}
