// Command plug is a TCP plug proxy: it forwards a port to one or several
// targets, and gives every live connection a process of its own.
//
// One binary is all processes of a plug. Which one this is, main decides:
//
//	shell or service manager → front: shepherd with -n, else the launcher of a daemon
//	                           └ master: binds, spawns, keeps the roster
//	                             ├ workers: carry the sessions
//	                             └ scribes: write where a writer may have to wait
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"daemon/plug/supervisor"
	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/scribe"
	"daemon/plug/supervisor/shepherd"
	"daemon/plug/worker"
	_ "daemon/plug/worker/early"
	"daemon/plug/worker/title"
)

// The main goroutine stays on the main thread. A worker's thread sleeps in the kernel, and
// the process gets its name from the main thread. The main thread of a master has nothing
// to do: Linux prefers it for signals to the process (signal(7) leaves the choice open), and
// it could not take them while it waits for a disk that is away.
func init() { runtime.LockOSThread() }

func main() {
	if os.Args[0] == worker.Arg0 {
		os.Exit(worker.Main(signal.Notify))
	}
	if os.Args[0] == scribe.Arg0 {
		title.CommAny("plug")
		os.Exit(scribe.Main())
	}
	status := make(chan int)
	go func() {
		if starter, ok := shepherd.Find(); ok {
			status <- master(starter)
		} else {
			status <- front()
		}
	}()
	os.Exit(<-status)
}

// front checks the command line before anything is started or bound.
func front() int {
	cfg, status, _ := readCommandLine(os.Args[1:], os.Stdout, os.Stderr)
	if cfg == nil {
		return status
	}
	listeners, err := activated(cfg)
	if err != nil {
		fmt.Fprintf(os.Stderr, "plug: %v\n", err)
		return 4
	}
	if cfg.Foreground {
		return shepherd.Run(listeners)
	}
	return shepherd.Launch(listeners)
}

// activated are the sockets of the service manager that the plugs listen on.
func activated(cfg *config.Config) (all []shepherd.Socket, err error) {
	for _, plug := range cfg.Plugs {
		for _, source := range plug.Listeners {
			if source.Inherited == "" {
				continue
			}
			fds, err := shepherd.Activated(source.Inherited)
			if err != nil {
				return nil, err
			}
			for _, fd := range fds {
				all = append(all, shepherd.Socket{FD: fd, Name: source.Inherited})
			}
		}
	}
	return all, nil
}

func master(starter *shepherd.Starter) int {
	t := title.Claim(true)
	title.CommAny("plug")
	cfg, status, why := readCommandLine(os.Args[1:], os.Stdout, io.Discard) // front has already written it to stderr
	if cfg == nil {
		supervisor.Refuse(starter, fmt.Sprint(why))
		return status
	}
	status, err := supervisor.Run(cfg, starter, t, version)
	if err != nil {
		complain(err)
	}
	return status
}

// complain writes an error to stderr, and does not wait without limit for its reader.
func complain(err error) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		fmt.Fprintf(os.Stderr, "plug: %v\n", err)
	}()
	select {
	case <-written:
	case <-time.After(time.Second):
	}
}
