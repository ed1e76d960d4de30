// Tests of an ended session's log line.

package record

import (
	"encoding/json"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
)

func TestAppendEnd(t *testing.T) {
	whole := End{PID: 4711, Client: "10.1.2.3:40112", Target: "10.0.3.15:119", Outcome: "cut", Status: 3,
		Cause: "signal 9", Code: "SR", State: "relaying", Reason: "Connection reset by peer", In: 12, Out: 3456,
		Connect: 412 * time.Microsecond, First: 1500 * time.Millisecond, Duration: 2*time.Second + 50*time.Microsecond}
	none := End{PID: 1, Client: "[::1]:2", Outcome: "unreached", Status: 2, Cause: "target timeout", Code: "tC", State: "connecting"}
	for _, c := range []struct {
		json bool
		end  End
		want string
	}{
		{false, whole, "1970-01-01T00:00:00.000Z [DEBUG] plug: session ended: client=10.1.2.3:40112 target=10.0.3.15:119" +
			` outcome=cut status=3 cause="signal 9" code=SR state=relaying reason="Connection reset by peer" in=12 out=3456` +
			" connect_ms=0.412 first_byte_ms=1500 duration_ms=2000.05 pid=4711\n"},
		{false, none, `1970-01-01T00:00:00.000Z [DEBUG] plug: session ended: client=[::1]:2 target=""` +
			` outcome=unreached status=2 cause="target timeout" code=tC state=connecting in=0 out=0 duration_ms=0 pid=1` + "\n"},
		{true, whole, `{"@level":"debug","@message":"session ended","@module":"plug","@timestamp":"1970-01-01T00:00:00.000000Z",` +
			`"cause":"signal 9","client":"10.1.2.3:40112","code":"SR","connect_ms":0.412,"duration_ms":2000.05,"first_byte_ms":1500,` +
			`"in":12,"out":3456,"outcome":"cut","pid":4711,"reason":"Connection reset by peer","state":"relaying","status":3,"target":"10.0.3.15:119"}` + "\n"},
	} {
		got := string(AppendEnd(nil, c.json, LevelDebug, 0, 0, &c.end))
		if got != c.want {
			t.Errorf("got  %swant %s", got, c.want)
		}
		if c.json && !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
	}
}

func TestMs(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: " x=0", time.Microsecond: " x=0.001", 10 * time.Microsecond: " x=0.01", 999 * time.Nanosecond: " x=0",
		time.Millisecond: " x=1", 1001 * time.Microsecond: " x=1.001", 24 * time.Hour: " x=86400000",
		-1500 * time.Microsecond: " x=-1.5", -time.Microsecond: " x=-0.001",
	} {
		kv := Ms("x", d)
		if got := string(appendPair(nil, &kv)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestEndOf(t *testing.T) {
	s := board.Snapshot{In: 1, Out: 2, Client: convert.From(netip.MustParseAddrPort("10.1.2.3:40112")),
		BeginAt: 1e9, Errno: uint32(syscall.ECONNRESET), Connect: 1e9 + 412e3, First: 1e9, Closed: 3e9,
		Cause: board.MakeCause(board.BySignal, board.Relaying, 9)}
	e := EndOf(&s, board.Killed, 4711, "10.0.3.15:119")
	if e.Connect != 412*time.Microsecond || e.Duration != 2*time.Second || e.First != time.Microsecond {
		t.Errorf("times %v, %v, %v: one in the very moment of the accept has happened, too", e.Connect, e.First, e.Duration)
	}
	if e.Code != "SR" || e.Cause != "signal 9" || e.State != "relaying" || e.Reason != "Connection reset by peer" ||
		e.Client != "10.1.2.3:40112" || e.Target != "10.0.3.15:119" || e.Outcome != "killed" || e.Status != 4 || e.PID != 4711 {
		t.Errorf("%+v", e)
	}
	s = board.Snapshot{BeginAt: 1e9, Closed: 1e9}
	if e = EndOf(&s, board.Unreached, 1, ""); e.Connect != 0 || e.First != 0 || e.Reason != "" {
		t.Errorf("what never happened: %+v", e)
	}
}
