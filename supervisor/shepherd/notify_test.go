// Tests of the notifications, of the watchdog and of socket activation.

package shepherd

import (
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manager is a service manager that reads its socket.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := t.TempDir() + "/notify"
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(patience))
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

// What the service manager gets for each message of a master.
func TestNotify(t *testing.T) {
	conn := manager(t)
	n := newNotifier()
	p := make([]byte, 1000)
	for _, c := range []struct{ text, more, want string }{
		{served, "", "READY=1"},
		{upgrading, "", "RELOADING=1\nMONOTONIC_USEC=[0-9]+"},
		{successor, "", ""},
		{failed, "", "READY=1"},
		{reloading, "", "RELOADING=1\nMONOTONIC_USEC=[0-9]+"},
		{reloaded, "", "READY=1"},
		{replaced, "", "READY=1"},
		{status, "3 sessions", "STATUS=3 sessions"},
		{alive, "", "WATCHDOG=1"},
		{"of a newer version", "", ""},
		{stopping, "", "STOPPING=1"},
		{stopping, "12000000", "STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000"},
		{stopping, "soon", "STOPPING=1"},
	} {
		n.hear(message{c.text, 1, c.more})
		if c.want == "" {
			continue // the next one shows that nothing was sent
		}
		m, err := conn.Read(p)
		if err != nil || !regexp.MustCompile("^"+c.want+"$").Match(p[:m]) {
			t.Errorf("%s: %q, %v; want %q", c.text, p[:m], err, c.want)
		}
	}
}

// The shepherd passes on the messages that it reads itself.
func TestShepherdNotifies(t *testing.T) {
	conn := manager(t)
	h := &shepherd{notifier: newNotifier()}
	h.hear(message{text: status, more: "x"})
	p := make([]byte, 100)
	if n, err := conn.Read(p); err != nil || string(p[:n]) != "STATUS=x" {
		t.Errorf("%q, %v", p[:n], err)
	}
}

func TestNobodyToNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if n := newNotifier(); n != nil {
		t.Error("a notifier without a service manager")
	}
	var n *notifier
	n.hear(message{text: served})
	conn := manager(t)
	gone := newNotifier()
	conn.Close()
	gone.hear(message{text: served}) // nothing happens
}

// A service manager that starts late, or binds its socket again, gets the
// state of the service and all later messages.
func TestNotifySocketIsFoundAgain(t *testing.T) {
	path := t.TempDir() + "/notify"
	t.Setenv("NOTIFY_SOCKET", path)
	n := newNotifier()
	n.hear(message{text: served})
	for range 3 {
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(patience))
		n.hear(message{text: status, more: "x"})
		n.hear(message{text: alive})
		p := make([]byte, 100)
		for _, want := range []string{"READY=1", "STATUS=x", "WATCHDOG=1"} {
			if m, err := conn.Read(p); err != nil || string(p[:m]) != want {
				t.Fatalf("%q, %v; want %q", p[:m], err, want)
			}
		}
		conn.Close()
		os.Remove(path)
	}
}

func TestWatchdog(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0}, {"30000000", "", 30 * time.Second}, {"30000000", self, 30 * time.Second}, {"30000000", "1", 0},
		{"-5", "", 0}, {"soon", "", 0}, {"0", self, 0},
	} {
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", c.pid)
		if got := watchdog(); got != c.want {
			t.Errorf("WATCHDOG_USEC %q, WATCHDOG_PID %q: %v, want %v", c.usec, c.pid, got, c.want)
		}
	}
	t.Setenv("WATCHDOG_USEC", "4000000")
	t.Setenv("WATCHDOG_PID", self)
	for _, v := range environment() {
		if name, value, _ := strings.Cut(v, "="); name == aliveVariable {
			t.Setenv(name, value)
		}
	}
	if every := new(Starter).Alive(); every <= 0 || every > 2*time.Second {
		t.Errorf("a watchdog of 4 s is fed every %v", every)
	}
}

// sockets returns the first n descriptors that a service manager passes.
func sockets(n int) (fds []int) {
	for i := range n {
		fds = append(fds, 3+i)
	}
	return fds
}

func TestActivated(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		pid, fds, names, name string
		want                  []int // nil: refused
	}{
		{self, "1", "news", "news", []int{3}},
		{self, "3", "a:news:b", "news", []int{4}},
		{self, "3", "a:b:news", "news", []int{5}},
		{self, "4", "news:b:news:news", "news", []int{3, 5, 6}},
		{self, "64", strings.Repeat("news:", 64), "news", sockets(64)},
		{self, "65", strings.Repeat("news:", 65), "news", nil},
		{self, "2", "a:b:news", "news", nil}, // more than were passed
		{self, "1", "other", "news", nil},
		{self, "0", "news", "news", nil},
		{self, "x", "news", "news", nil},
		{self, "1", "", "news", nil},
		{"1", "1", "news", "news", nil}, // for another process
		{"", "", "", "news", nil},
	} {
		t.Setenv("LISTEN_PID", c.pid)
		t.Setenv("LISTEN_FDS", c.fds)
		t.Setenv("LISTEN_FDNAMES", c.names)
		fds, err := Activated(c.name)
		if !slices.Equal(fds, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("LISTEN_PID %q, LISTEN_FDS %q, LISTEN_FDNAMES %q: %d, %v; want %d", c.pid, c.fds, c.names, fds, err, c.want)
		}
	}
}
