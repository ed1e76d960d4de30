// Notifications to the service manager: sd_notify, status, watchdog.

package shepherd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// notifier reports the state of the service to the service manager, from the
// only process that it knows (sd_notify(3)). A nil one reports nothing.
type notifier struct {
	to    string
	conn  *net.UnixConn // nil while it cannot connect
	state string        // the last state of the service that was sent
}

// newNotifier returns a notifier, or nil if no service manager expects
// notifications.
func newNotifier() *notifier {
	to := os.Getenv("NOTIFY_SOCKET")
	if to == "" {
		return nil
	}
	n := &notifier{to: to}
	if err := n.dial(); err != nil {
		fmt.Fprintf(os.Stderr, "plug: NOTIFY_SOCKET %q: %v; will retry with each message\n", to, err)
	}
	return n
}

func (n *notifier) dial() (err error) {
	n.conn, err = net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.to, Net: "unixgram"})
	if err != nil {
		n.conn = nil
	}
	return err
}

// hear translates a master's message for the service manager.
func (n *notifier) hear(m message) {
	if n == nil {
		return
	}
	switch m.text {
	case served, replaced, failed, reloaded:
		n.become("READY=1")
	case upgrading, reloading:
		var now unix.Timespec
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		n.become("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
	case stopping:
		n.become("STOPPING=1" + extension(m.more))
	case status:
		n.say("STATUS=" + m.more)
	case alive:
		n.say("WATCHDOG=1")
	}
}

// extension asks for more time to stop, if the master has said how much it
// needs.
func extension(usec string) string {
	if _, err := strconv.ParseUint(usec, 10, 64); err != nil {
		return ""
	}
	return "\nEXTEND_TIMEOUT_USEC=" + usec
}

// become sends the state of the service as a whole.
func (n *notifier) become(state string) {
	n.state = state
	n.say(state)
}

// say waits only briefly: signals and children are more urgent. If the service
// manager has bound its socket again, it does not know the state yet, so say
// sends it first.
func (n *notifier) say(text string) {
	if n.conn != nil {
		err := n.send(text)
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		n.conn.Close()
	}
	if n.dial() != nil {
		return
	}
	if n.state != "" && n.state != text {
		n.send(n.state)
	}
	n.send(text)
}

func (n *notifier) send(text string) error {
	n.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	_, err := n.conn.Write([]byte(text))
	return err
}

// watchdog is how often the service manager expects a sign of life; 0 is never
// (WATCHDOG_USEC, WATCHDOG_PID).
func watchdog() time.Duration {
	usec, _ := strconv.Atoi(os.Getenv("WATCHDOG_USEC"))
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(max(0, usec)) * time.Microsecond
}
