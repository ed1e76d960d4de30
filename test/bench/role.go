//go:build linux

// The roles of this binary in a measurement: target, load, starter, proxy.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"

	"daemon/plug/test/bench/backend"
	"daemon/plug/test/bench/cgroup"
	"daemon/plug/test/bench/load"
)

// The processes of a measurement are this binary in a role:
//
//	bench -role backend                      the target; ends with its stdin
//	bench -role load SPEC                    one load, as load.Serve says
//	bench -role spawn N PROGRAM              starts it N times in a row
//	bench -role enter DIR ... -- COMMAND     the proxy, started in its control group
const (
	roleFlag    = "-role"
	roleBackend = "backend"
	roleLoad    = "load"
	roleSpawn   = "spawn"
	roleEnter   = "enter"
)

func playRole(role string, args []string) int {
	// The raw calls of package sock do not release the thread; see there.
	runtime.LockOSThread()
	var err error
	switch role {
	case roleBackend:
		err = backend.Serve(os.Stdout)
	case roleLoad:
		var spec load.Spec
		if err = json.Unmarshal([]byte(args[0]), &spec); err == nil {
			err = load.Serve(spec, os.Stdin, os.Stdout)
		}
	case roleSpawn:
		err = spawn(args, os.Stdin, os.Stdout)
	case roleEnter:
		dash := slices.Index(args, "--")
		if err = cgroup.Enter(args[:dash]); err == nil {
			argv := args[dash+1:]
			err = syscall.Exec(argv[0], argv, os.Environ())
		}
	default:
		err = fmt.Errorf("no role is called %q", role)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench %s: %v\n", role, err)
		return 1
	}
	return 0
}

// roleCommand is this binary in a role. Each role leads a session, as daemons
// do, and so has its own share of the processors (autogroup, sched(7)). A
// proxy in the same session as its clients would be woken in another way than
// a proxy that detaches itself.
func roleCommand(role string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{roleFlag, role}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// actor is a running role with its pipes.
type actor struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

func act(role string, args ...string) (*actor, error) {
	cmd := roleCommand(role, args...)
	// Preemption signals would only interrupt the event loop.
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	// If this process is killed, none of them stays.
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &actor{cmd, in, out}, cmd.Start()
}

// end closes the role's stdin, which makes it end, and waits.
func (a *actor) end() error {
	a.in.Close()
	io.Copy(io.Discard, a.out)
	return a.cmd.Wait()
}
