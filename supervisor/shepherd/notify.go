package shepherd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// notifier tells the service manager how the service is, in the one process
// that it knows (sd_notify(3)). A nil one has nobody to tell.
type notifier struct {
	conn *net.UnixConn
	to   string
}

// newNotifier finds the service manager, if there is one that wants to know.
func newNotifier() *notifier {
	to := os.Getenv("NOTIFY_SOCKET")
	if to == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: to, Net: "unixgram"})
	if err != nil {
		fmt.Fprintf(os.Stderr, "plug: NOTIFY_SOCKET %q: %v\n", to, err)
		return nil
	}
	return &notifier{conn: conn, to: to}
}

// hear passes a master's word on in the service manager's terms.
func (n *notifier) hear(w word) {
	if n == nil {
		return
	}
	switch w.text {
	case served, replaced, failed, reloaded:
		n.say("READY=1")
	case upgrading, reloading:
		var now unix.Timespec
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		n.say("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
	case stopping:
		n.say("STOPPING=1")
	case status:
		n.say("STATUS=" + w.more)
	case alive:
		n.say("WATCHDOG=1")
	}
}

// say waits for a moment at most: signals and children are more urgent.
func (n *notifier) say(state string) {
	n.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	n.conn.Write([]byte(state))
}

// watchdog is how often the service manager wants to hear that the service is
// alive; 0 is never (WATCHDOG_USEC, WATCHDOG_PID).
func watchdog() time.Duration {
	usec, _ := strconv.Atoi(os.Getenv("WATCHDOG_USEC"))
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(max(0, usec)) * time.Microsecond
}
