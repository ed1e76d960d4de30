package shepherd

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// relayed are the signals that are meant for the master.
var relayed = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTOU, syscall.SIGTTIN}

// Run starts the master and stays: it relays signals, reaps what the master
// leaves behind, and returns the master's exit status. Sessions of a master
// that has ended live on without it.
func Run() int {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, relayed...)
	signal.Notify(signals, syscall.SIGCHLD)
	adoptOrphans()
	pid, starter, err := start(roleService, &syscall.SysProcAttr{Setpgid: true})
	if err != nil {
		fmt.Fprintf(os.Stderr, "plug: %v\n", err)
		return 4
	}
	ready := make(chan struct{})
	go func() {
		var word [1]byte
		if n, _ := starter.Read(word[:]); n == 1 {
			close(ready)
		}
	}()
	return herd(pid, signals, ready)
}

// herd relays and reaps until the master has ended. What a master that is not
// ready could only die of is kept until it is.
func herd(master int, signals <-chan os.Signal, ready <-chan struct{}) int {
	var kept []os.Signal
	for {
		select {
		case <-ready:
			ready = nil
			for _, s := range kept {
				unix.Kill(master, s.(syscall.Signal))
			}
			kept = nil
		case s := <-signals:
			switch {
			case s == syscall.SIGCHLD:
				if status, ended := reap(master); ended {
					return status
				}
			case ready == nil || s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT:
				unix.Kill(master, s.(syscall.Signal))
			default:
				kept = append(kept, s)
			}
		}
	}
}

// reap takes all children that have ended; one of them may be the master.
func reap(master int) (status int, ended bool) {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return status, ended
		}
		if pid == master {
			status, ended = result(ws), true
		}
	}
}
