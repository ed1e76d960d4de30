// A second host for the first-use tests: a network namespace behind a link.

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// serveAway listens at addr, "10.0.3.15:119", on what looks like another host:
// a second network namespace at the other end of a link. near is an address of
// this end, in the same network.
func serveAway(t *testing.T, addr, near string, handle func(*net.TCPConn)) *harness.Backend {
	t.Helper()
	ip := harness.Program(t, "ip")
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	tid, stay := make(chan int), make(chan struct{})
	var failed error
	var b *harness.Backend
	done := make(chan struct{})
	go func() {
		defer close(done)
		onOwnThread(func() {
			if failed = unix.Unshare(unix.CLONE_NEWNET); failed != nil {
				close(tid)
				return
			}
			tid <- unix.Gettid()
			<-stay
			if failed = runAll(ip, "addr add "+host+"/24 dev far", "link set far up"); failed == nil {
				b = harness.Serve(t, addr, handle)
			}
		})
	}()
	other, ok := <-tid
	if ok {
		err = runAll(ip, "link add near type veth peer name far netns "+strconv.Itoa(other), "addr add "+near+"/24 dev near", "link set near up")
		close(stay)
	}
	<-done
	if failed != nil || err != nil {
		t.Skipf("a second network namespace: %v, %v", failed, err)
	}
	return b
}

func runAll(program string, lines ...string) error {
	for _, line := range lines {
		if out, err := exec.Command(program, strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", program, line, err, out)
		}
	}
	return nil
}

// onOwnThread runs f on a thread that ends with it, since f changes the
// thread. It is never the main thread, whose network namespace /proc/net
// shows.
func onOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			onOwnThread(f)
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}
