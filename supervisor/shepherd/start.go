// Starting a master: its role, its arguments, its environment, its
// descriptors.

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

// roleVariable tells a master what started it.
const roleVariable = "PLUG_ROLE"

const (
	roleDaemon    = "daemon"    // by Launch
	roleService   = "service"   // by Run
	roleSuccessor = "successor" // by another master
	starterFD     = 3
)

// The messages of a master to its starter, each with its PID on one line.
const (
	served    = "ready"     // the plug serves
	successor = "successor" // this process is preparing to replace the master
	replaced  = "master"    // it has replaced the master
	failed    = "failed"    // an upgrade of this master has failed
	upgrading = "upgrading" // an upgrade has begun
	reloading = "reloading"
	reloaded  = "reloaded"
	stopping  = "stopping"
	ended     = "ended"  // with its exit status
	status    = "status" // with a text for people
	alive     = "alive"  // the loop runs, for the service manager's watchdog
)

// Variables of the service manager, which belong to this process only.
var managers = []string{"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES="}

// aliveVariable tells the master how often its shepherd expects a sign of
// life.
const aliveVariable = "PLUG_ALIVE_USEC"

// The service manager's sockets in a master: the first descriptor, and the
// variable that says how many there are.
const (
	firstListener     = starterFD + 1
	listenersVariable = "PLUG_LISTENERS"
)

// Socket is a listening socket from the service manager.
type Socket struct {
	FD   int
	Name string // which has no colon
}

// Listeners returns the service manager's sockets with a name, in a master.
func Listeners(name string) (fds []int) {
	for i, of := range strings.Split(os.Getenv(listenersVariable), ":") {
		if of == name {
			fds = append(fds, firstListener+i)
		}
	}
	return fds
}

// start starts the master with this process's command line, and with the
// service manager's listeners, if there are any.
func start(role string, listeners []Socket, attr *syscall.SysProcAttr) (pid int, starter *os.File, err error) {
	hideStrays()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socketpair", err)
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	defer unix.Close(pair[1])
	files := []uintptr{0, 1, 2, uintptr(pair[1])}
	var names []string
	for _, s := range listeners {
		files, names = append(files, uintptr(s.FD)), append(names, s.Name)
	}
	pid, err = syscall.ForkExec(host.Image(), argv(), &syscall.ProcAttr{
		Env:   append(environment(), roleVariable+"="+role, listenersVariable+"="+strings.Join(names, ":")),
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

// argv is this process's arguments, with an absolute name: a later upgrade
// looks for the program there, whatever its directory is then.
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

// ownVariables are those that start sets for a master.
var ownVariables = []string{roleVariable, listenersVariable, aliveVariable, "GOMAXPROCS", "GODEBUG"}

// environment is the master's, without its role: this process's own, and
// variables that keep its Go runtime quiet. One processor is enough for one
// loop, and each further one is a thread that wakes up with it; the runtime
// need not check every second whether it may have more.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		foreign := slices.ContainsFunc(managers, func(m string) bool { return strings.HasPrefix(s, m) })
		own := slices.ContainsFunc(ownVariables, func(v string) bool { return strings.HasPrefix(s, v+"=") })
		return foreign || own
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

// result turns a wait status into an exit status, as shells do: 128 plus the
// number of a signal.
func result(status unix.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
