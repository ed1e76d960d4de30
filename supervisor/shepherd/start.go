package shepherd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

// roleVariable tells a master by whom it was started.
const roleVariable = "PLUG_ROLE"

const (
	roleDaemon    = "daemon"    // by Launch
	roleService   = "service"   // by Run
	roleSuccessor = "successor" // by another master
	starterFD     = 3
)

// What a master tells its starter, each with its PID, a line each.
const (
	served    = "ready"     // the plug serves
	successor = "successor" // it prepares to replace the master
	replaced  = "master"    // it has done so
	failed    = "failed"    // an upgrade of this master has failed
	upgrading = "upgrading" // one has begun
	reloading = "reloading"
	reloaded  = "reloaded"
	stopping  = "stopping"
	ended     = "ended"  // with its exit status
	status    = "status" // with a text for people
	alive     = "alive"  // the loop runs, for the service manager's watchdog
)

// Variables of the service manager's; they are this process's and stay with it.
var managers = []string{"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES="}

// aliveVariable tells the master how often its shepherd wants to hear from it.
const aliveVariable = "PLUG_ALIVE_USEC"

// ListenerFD is where a master finds the service manager's socket.
const ListenerFD = 4

// start starts the master with this process's own command line, and a listener
// of the service manager's if that is no negative number.
func start(role string, listener int, attr *syscall.SysProcAttr) (pid int, starter *os.File, err error) {
	hideStrays()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socketpair", err)
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	defer unix.Close(pair[1])
	files := []uintptr{0, 1, 2, uintptr(pair[1])}
	if listener >= 0 {
		files = append(files, uintptr(listener))
	}
	pid, err = syscall.ForkExec(host.Image(), argv(), &syscall.ProcAttr{
		Env:   append(environment(), roleVariable+"="+role),
		Files: files,
		Sys:   attr,
	})
	if err != nil {
		unix.Close(pair[0])
		return 0, nil, fmt.Errorf("cannot start the master: %w", err)
	}
	unix.SetNonblock(pair[0], true)
	return pid, os.NewFile(uintptr(pair[0]), "starter"), nil
}

// argv is this process's own, with an absolute name: an upgrade will look for
// the program there, wherever it is then.
func argv() []string {
	args := slices.Clone(os.Args)
	if path, err := exec.LookPath(args[0]); err == nil {
		if path, err = filepath.Abs(path); err == nil {
			args[0] = path
		}
	} else if path, err := os.Executable(); err == nil {
		args[0] = path
	}
	return args
}

// environment is the master's, but for its role: this process's own, and what
// keeps its Go runtime quiet. One processor is enough for one loop, and each
// more is a thread that wakes up with it; the runtime need not look every
// second whether it may have more.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		foreign := slices.ContainsFunc(managers, func(m string) bool { return strings.HasPrefix(s, m) })
		return foreign || strings.HasPrefix(s, roleVariable+"=") || strings.HasPrefix(s, aliveVariable+"=") || strings.HasPrefix(s, "GOMAXPROCS=") || strings.HasPrefix(s, "GODEBUG=")
	})
	debug := "containermaxprocs=0,updatemaxprocs=0"
	if more := os.Getenv("GODEBUG"); more != "" {
		debug += "," + more
	}
	env = append(env, "GOMAXPROCS=1", "GODEBUG="+debug)
	if every := watchdog(); every > 0 {
		env = append(env, fmt.Sprintf("%s=%d", aliveVariable, every.Microseconds()))
	}
	return env
}

// result is a wait status as an exit status, in the shell's way: a signal is
// 128 and its number.
func result(status unix.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
