// Tests of causes: their parts, letters and words.

package board

import "testing"

// Every culprit and every stage has its own letter and word, and a cause
// returns what was put into it.
func TestCauses(t *testing.T) {
	seen := map[string]bool{}
	for who := Nobody; who <= ByTimer; who++ {
		for stage := NoStage; stage <= InOrder; stage++ {
			c := MakeCause(who, stage, 15)
			if c.Culprit() != who || c.Stage() != stage {
				t.Errorf("%d, %d come back as %d, %d", who, stage, c.Culprit(), c.Stage())
			}
			if signal := map[bool]int{true: 15}[who == BySignal]; c.Signal() != signal {
				t.Errorf("%s has signal %d", who, c.Signal())
			}
			for _, text := range []string{c.Code(), c.String() + " " + c.Stage().String()} {
				if seen[text] {
					t.Errorf("%q is taken twice", text)
				}
				seen[text] = true
			}
		}
	}
	for timer := IdleTimer; int(timer) < len(timers); timer++ {
		for stage := NoStage; stage <= InOrder; stage++ {
			c := MakeCause(ByTimer, stage, int(timer))
			if c.Culprit() != ByTimer || c.Stage() != stage || c.Timer() != timer || c.Signal() != 0 {
				t.Errorf("timer %d at %d comes back as %d, %d, %d", timer, stage, c.Culprit(), c.Stage(), c.Timer())
			}
			for _, text := range []string{c.Code(), c.String() + " " + c.Stage().String()} {
				if seen[text] {
					t.Errorf("%q is taken twice", text)
				}
				seen[text] = true
			}
		}
	}
	if ByTimer >= Culprits || int(ByTimer) != len(culprits)-1 || int(Delivering) != len(stageNames)-1 {
		t.Error("more than a column counts, or one without a letter")
	}
}

func TestCauseTexts(t *testing.T) {
	for _, c := range []struct {
		cause            Cause
		code, who, stage string
	}{
		{MakeCause(ByClient, InOrder, 0), "C-", "client", "ended"},
		{MakeCause(ByTarget, HalfClosed, 0), "TH", "target", "half-closed"},
		{MakeCause(BySignal, Delivering, 9), "SD", "signal 9", "delivering"},
		{MakeCause(ByProxy, Negotiating, 0), "PN", "proxy", "negotiating"},
		{MakeCause(TargetLate, Connecting, 0), "tC", "target timeout", "connecting"},
		{MakeCause(BySignal, Relaying, 9), "SR", "signal 9", "relaying"},
		{MakeCause(BySignal, Relaying, 0), "SR", "signal", "relaying"},
		{MakeCause(ByTimer, Relaying, int(IdleTimer)), "iR", "idle timeout", "relaying"},
		{MakeCause(ByTimer, Relaying, int(FirstByteTimer)), "fR", "first-byte timeout", "relaying"},
		{MakeCause(ByTimer, HalfClosed, int(HalfClosedTimer)), "hH", "half-closed timeout", "half-closed"},
		{MakeCause(ByTimer, Connecting, int(LifetimeTimer)), "lC", "lifetime", "connecting"},
		{MakeCause(ByTimer, Relaying, 200), "zR", "timer", "relaying"}, // of a newer version
		{0, "??", "unknown", "unknown"},
		{0xffffffff, "??", "unknown", "unknown"}, // a corrupt word is shown, too
		{MakeCause(ByClient, stages, 0), "C?", "client", "unknown"},
	} {
		if c.cause.Code() != c.code || c.cause.String() != c.who || c.cause.Stage().String() != c.stage {
			t.Errorf("%#x: %s, %q, %q; want %s, %q, %q", uint32(c.cause), c.cause.Code(), c.cause, c.cause.Stage(), c.code, c.who, c.stage)
		}
	}
}
