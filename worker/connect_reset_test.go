//go:build linux && !portable

// A target that resets as soon as it has accepted.

package worker

import (
	"net"
	"net/netip"
	"testing"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
)

// A target that accepts and resets at once counts as connected: it is not marked as
// failed, and the session is cut.
func TestResetRightBehindTheAccept(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	e := rig(t)
	e.board.Assignment.ConnectTimeout = 5000
	e.board.Target(0).Addr = convert.From(netip.MustParseAddrPort(l.Addr().String()))
	client, fd := tcp(t)
	defer client.Close()
	e.admit(fd, convert.From(netip.MustParseAddrPort("127.0.0.1:1")))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	cut(c.(*net.TCPConn))
	e.until(t, "the session ends", func() bool { return e.live == 0 })
	if e.outcomes(board.Cut) != 1 {
		t.Errorf("%d cut, %d unreached", e.outcomes(board.Cut), e.outcomes(board.Unreached))
	}
	if c := board.Cause(e.board.Row(0, 0).Cause.Load()); c.Code() != "TR" {
		t.Errorf("its cause is %s", c.Code())
	}
	if m := e.board.TargetState(0); m.Failures.Load() != 0 {
		t.Errorf("the target was marked failed (%d)", m.Failures.Load())
	}
}
