// Tests of urgent data (MSG_OOB).

package test

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// sendUrgent writes p, whose last byte is urgent.
func sendUrgent(t testing.TB, c *net.TCPConn, p []byte) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var sent error
	if err := raw.Write(func(fd uintptr) bool {
		sent = unix.Sendto(int(fd), p, unix.MSG_OOB, nil)
		return sent != unix.EAGAIN
	}); err != nil || sent != nil {
		t.Fatal(err, sent)
	}
}

// someOf is n bytes of a stream.
func someOf(seed uint64, n int) []byte {
	p := make([]byte, n)
	io.ReadFull(harness.Stream(seed), p)
	return p
}

// eachDirection runs a test with the client as the sender, and then with the
// target.
func eachDirection(t *testing.T, args []string, f func(t *testing.T, p *harness.Plug, sender, receiver *net.TCPConn)) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		k := harness.ServeTaker(t)
		p := harness.Start(t, mode, append(slices.Concat(harness.FewWorkers(mode), args), k.Addr())...)
		for _, from := range []string{"client", "target"} {
			t.Run(from, func(t *testing.T) {
				client, target := k.Session(t, p)
				if from == "client" {
					f(t, p, client, target)
				} else {
					f(t, p, target, client)
				}
			})
		}
	})
}

// An urgent byte in a bulk transfer arrives in its position, and so does
// everything after it: more bulk, a few bytes, and the end.
func TestUrgentInBulk(t *testing.T) {
	t.Parallel()
	for _, after := range []int{5, 5 << 20} {
		eachDirection(t, nil, func(t *testing.T, p *harness.Plug, sender, receiver *net.TCPConn) {
			before, behind := someOf(1, 131_072), someOf(2, after)
			got := make([]byte, len(before))
			harness.Both(t, func() error {
				_, err := sender.Write(before)
				return err
			}, func() error {
				_, err := io.ReadFull(receiver, got)
				return err
			})
			go func() {
				sendUrgent(t, sender, []byte{'!'})
				sender.Write(behind)
				sender.CloseWrite()
			}()
			rest, err := io.ReadAll(receiver)
			if err != nil || !bytes.Equal(got, before) || !bytes.Equal(rest, slices.Concat([]byte{'!'}, behind)) {
				t.Errorf("after the first 131072 bytes %d arrived, of %d: %v", len(rest), 1+len(behind), err)
			}
		})
	}
}

// Data after an urgent byte arrives without another send: an interrupt as
// ftp(1) and telnet(1) send it, with or without a short pause.
func TestUrgentThenMore(t *testing.T) {
	t.Parallel()
	eachDirection(t, nil, func(t *testing.T, p *harness.Plug, sender, receiver *net.TCPConn) {
		want := []byte("\xff\xf4\xff\xf2ABOR\r\n")
		got := make([]byte, len(want))
		for i := range 30 {
			sendUrgent(t, sender, want[:3])
			sender.Write(want[3:])
			if n, err := io.ReadFull(receiver, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("interrupt %d: %d of %d bytes arrived, %q: %v", i, n, len(want), got[:n], err)
			}
		}
	})
}

// Two urgent bytes, one right after the other, both arrive.
func TestUrgentTwice(t *testing.T) {
	t.Parallel()
	eachDirection(t, nil, func(t *testing.T, p *harness.Plug, sender, receiver *net.TCPConn) {
		want := []byte("one!two!three")
		got := make([]byte, len(want))
		for i := range 200 {
			sendUrgent(t, sender, want[:4])
			sendUrgent(t, sender, want[4:8])
			sender.Write(want[8:])
			if n, err := io.ReadFull(receiver, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("round %d: %d of %d bytes arrived, %q: %v", i, n, len(want), got[:n], err)
			}
		}
	})
}
