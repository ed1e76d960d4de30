// A client behind a link that is down, in a network namespace of its own.

package test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// remote is a client's host: a network namespace behind a link. What it is asked to do
// runs on a thread in that namespace.
type remote struct {
	ip string
	do chan func()
}

// newRemote makes the host, as 10.77.0.2, linked to this namespace, 10.77.0.1.
func newRemote(t *testing.T) *remote {
	t.Helper()
	r := &remote{ip: harness.Program(t, "ip"), do: make(chan func())}
	tid := make(chan int)
	go aside(func() {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			close(tid)
			return
		}
		tid <- unix.Gettid()
		for f := range r.do {
			f()
		}
	})
	id, ok := <-tid
	if !ok {
		t.Skip("a second network namespace is not possible here")
	}
	t.Cleanup(func() { close(r.do) })
	for _, args := range [][]string{
		{"link", "add", "p0", "type", "veth", "peer", "name", "p1", "netns", strconv.Itoa(id)},
		{"addr", "add", "10.77.0.1/24", "dev", "p0"}, {"link", "set", "p0", "up"},
	} {
		if out, err := exec.Command(r.ip, args...).CombinedOutput(); err != nil {
			t.Skipf("ip %v: %v %s", args, err, out)
		}
	}
	r.runs(t, "addr", "add", "10.77.0.2/24", "dev", "p1")
	r.runs(t, "link", "set", "p1", "up")
	return r
}

// aside runs f on a thread that ends with it, never on the main one, by which /proc/net
// goes.
func aside(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		f()
		return
	}
	defer runtime.UnlockOSThread()
	done := make(chan struct{})
	go func() {
		defer close(done)
		aside(f)
	}()
	<-done
}

// runs runs ip in the client's namespace.
func (r *remote) runs(t *testing.T, args ...string) {
	t.Helper()
	done := make(chan struct{})
	r.do <- func() {
		defer close(done)
		if out, err := exec.Command(r.ip, args...).CombinedOutput(); err != nil {
			t.Errorf("ip %v: %v %s", args, err, out)
		}
	}
	<-done
}

// dials connects from the client's namespace.
func (r *remote) dials(t *testing.T, to string) (c *net.TCPConn) {
	t.Helper()
	done := make(chan error)
	r.do <- func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			done <- err
			return
		}
		at, _ := net.ResolveTCPAddr("tcp", to)
		if err = unix.Connect(fd, &unix.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}); err == nil {
			c, err = connOf(fd)
		}
		done <- err
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// connOf is a connected descriptor in Go's network poller.
func connOf(fd int) (*net.TCPConn, error) {
	f := os.NewFile(uintptr(fd), "client")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// Clients whose link goes down are gone after 8 s with keepalive 5 s, 1 s, 3: those of
// idle sessions, and those for which there are unsent data.
func TestVanishedClient(t *testing.T) {
	harness.LinuxEngineOnly(t, "it refuses times of keepalive")
	if !harness.InNamespace(t, harness.OfNet) {
		return
	}
	r := newRemote(t)
	sends := make(chan struct{})
	target := harness.Serve(t, harness.Anywhere, func(c *net.TCPConn) {
		first := make([]byte, 1)
		if _, err := io.ReadFull(c, first); err != nil {
			return
		}
		c.Write(first)
		if first[0] == 's' {
			<-sends
			c.Write(make([]byte, 100<<10))
		}
		io.Copy(io.Discard, c)
	})
	const n = 3 // sessions of each kind, in each mode
	var plugs []*harness.Plug
	for _, mode := range harness.Modes {
		p := harness.Start(t, mode, "-d", "--log-format=json", "--keepalive-idle=5", "--keepalive-every=1", "--keepalive-count=3", target.Addr())
		plugs = append(plugs, p)
		for i := range 2 * n {
			c := r.dials(t, net.JoinHostPort("10.77.0.1", strconv.Itoa(p.Port)))
			c.Write([]byte("is"[i%2 : i%2+1]))
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.runs(t, "link", "set", "p1", "down")
	down := time.Now()
	close(sends)
	for _, p := range plugs {
		harness.Await(t, "all sessions to end", 15*time.Second, func() bool { return len(harness.ParseSessions(t, p.Sessions)) == 2*n })
		if took := time.Since(down); took > 10*time.Second {
			t.Errorf("%s: the last session ended %v after the link was down", p.Mode, took)
		}
		for _, l := range p.Ends(2 * n) {
			if took := time.Duration(*l.Duration * 1e6); l.Code != "cR" || l.In != 1 || l.Out != 1 || took < 6*time.Second {
				t.Errorf("%s: %+v after %v", p.Mode, l, took)
			}
		}
	}
}
