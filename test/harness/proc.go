// Harness: what /proc shows about processes.

package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is what /proc shows about one process (proc(5)).
type Process struct {
	PID, PPID, PGID int
	Session         int
	State           byte   // R, S, Z, …
	Comm            string // at most 15 bytes
	Title           string // cmdline, without its padding
	Start           uint64 // clock ticks since boot: together with pid, an identity
	stack           uint64 // start of its stack
}

func (p Process) String() string {
	return fmt.Sprintf("%d (ppid %d, %c) %s: %q", p.PID, p.PPID, p.State, p.Comm, p.Title)
}

// ProcessesOf lists the live processes whose executable is exe, in order of
// their start, without zombies. A forked process that has not called exec yet
// is not listed: its memory, title, group and signals are its parent's.
func ProcessesOf(exe string) []Process {
	dirs, _ := os.ReadDir("/proc")
	var found []Process
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || !IsOf(pid, exe) {
			continue
		}
		if p, err := ReadProcess(pid); err == nil && p.State != 'Z' {
			found = append(found, p)
		}
	}
	parents := map[int]Process{}
	for _, p := range found {
		parents[p.PID] = p
	}
	found = slices.DeleteFunc(found, func(p Process) bool { return p.forkOf(parents[p.PPID]) })
	slices.SortFunc(found, func(a, b Process) int {
		if a.Start != b.Start {
			return int(a.Start) - int(b.Start)
		}
		return a.PID - b.PID
	})
	return found
}

// forkOf reports whether p is a copy of its parent q that has not called exec:
// after exec, its stack is elsewhere (proc_pid_stat(5) startstack, 0 if it may
// not be known).
func (p Process) forkOf(q Process) bool {
	return p.stack == q.stack && p.stack != 0 && p.Title == q.Title
}

// IsOf reports whether pid lives and runs exe, even if exe was replaced on
// disk.
func IsOf(pid int, exe string) bool {
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.TrimSuffix(link, " (deleted)") == exe
}

// ReadProcess reads what /proc shows about pid.
func ReadProcess(pid int) (Process, error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return Process{}, err
	}
	// comm may contain anything, even parentheses: the last one ends it.
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[shut+1:]))
	if open < 0 || len(fields) < 26 {
		return Process{}, fmt.Errorf("%sstat: %q", dir, stat)
	}
	p := Process{PID: pid, State: fields[0][0], Comm: string(stat[open+1 : shut])}
	p.PPID, _ = strconv.Atoi(fields[1])
	p.PGID, _ = strconv.Atoi(fields[2])
	p.Session, _ = strconv.Atoi(fields[3])
	p.Start, _ = strconv.ParseUint(fields[19], 10, 64)
	p.stack, _ = strconv.ParseUint(fields[25], 10, 64)
	line, err := os.ReadFile(dir + "cmdline")
	if err != nil {
		return Process{}, err
	}
	p.Title = strings.ReplaceAll(strings.TrimRight(string(line), "\x00 "), "\x00", " ")
	return p, nil
}

// Title is what ps shows as the command of pid.
func Title(pid int) string {
	p, _ := ReadProcess(pid)
	return p.Title
}

// ProcStatus returns the fields of /proc/PID/status, or of a task's.
func ProcStatus(dir string) map[string]string {
	fields := map[string]string{}
	b, _ := os.ReadFile(filepath.Join(dir, "status"))
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// RSS is the resident memory of pid in bytes; 0 if it is gone.
func RSS(pid int) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(ProcStatus(fmt.Sprintf("/proc/%d", pid))["VmRSS"], " kB"))
	return n << 10
}

// SignalMask is a signal mask of pid, such as SigIgn; bit n-1 is signal n.
func SignalMask(t testing.TB, pid int, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(ProcStatus(fmt.Sprintf("/proc/%d", pid))[name], 16, 64)
	if err != nil {
		t.Fatalf("%s of %d: %v", name, pid, err)
	}
	return n
}

// Tasks are the /proc directories of a process's threads.
func Tasks(pid int) []string {
	dirs, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	return dirs
}

// CPU is the CPU time of a process so far, in the scheduler's nanoseconds,
// since stat's 10 ms would hide the use of an idle worker in a second.
func CPU(pid int) time.Duration { return schedstat(pid, 0) }

// Queued is how long a process's threads, ready to run, have waited for a CPU.
func Queued(pid int) time.Duration { return schedstat(pid, 1) }

// schedstat sums a column of schedstat, in nanoseconds, over all threads.
func schedstat(pid, column int) time.Duration {
	var sum int64
	for _, dir := range Tasks(pid) {
		b, _ := os.ReadFile(dir + "/schedstat")
		if f := strings.Fields(string(b)); len(f) > column {
			n, _ := strconv.ParseInt(f[column], 10, 64)
			sum += n
		}
	}
	return time.Duration(sum)
}

// Switches is the number of context switches of a process so far, in all its
// threads.
func Switches(pid int) (sum int) {
	for _, dir := range Tasks(pid) {
		sum += SwitchesOf(dir)
	}
	return sum
}

// SwitchesOf is the same for one thread, by its directory
// (proc_pid_status(5)).
func SwitchesOf(dir string) int {
	s := ProcStatus(dir)
	v, _ := strconv.Atoi(s["voluntary_ctxt_switches"])
	f, _ := strconv.Atoi(s["nonvoluntary_ctxt_switches"])
	return v + f
}

// Hurry gives the plug and the test priority over other work on the machine,
// if permitted, for a promise in milliseconds: that is about the daemon, not
// about other processes. Later threads and processes inherit it.
func (p *Plug) Hurry() {
	for _, q := range p.Procs() {
		renice(q.PID, -15)
	}
	renice(os.Getpid(), -15)
	p.T.Cleanup(func() { renice(os.Getpid(), 0) })
}

// renice sets the niceness of all threads, and of the session's autogroup,
// since the kernel may weigh sessions instead of threads (sched(7)).
func renice(pid, nice int) {
	os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(nice)), 0)
	for _, dir := range Tasks(pid) {
		if task, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			syscall.Setpriority(syscall.PRIO_PROCESS, task, nice)
		}
	}
}

// Descriptors says what each descriptor of pid is.
func Descriptors(pid int) map[int]string {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	names, _ := os.ReadDir(dir)
	fds := map[int]string{}
	for _, n := range names {
		fd, _ := strconv.Atoi(n.Name())
		if link, err := os.Readlink(dir + n.Name()); err == nil {
			fds[fd] = link
		}
	}
	return fds
}

// Environment is the initial environment of pid.
func Environment(pid int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	env := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	slices.Sort(env)
	return env
}

// Zombies are the dead children that their parents have not reaped.
func Zombies(parents ...int) (found []Process) {
	dirs, _ := os.ReadDir("/proc")
	for _, dir := range dirs {
		var pid int
		if _, err := fmt.Sscanf(dir.Name(), "%d", &pid); err != nil {
			continue
		}
		q, err := ReadProcess(pid)
		for _, parent := range parents {
			if err == nil && q.State == 'Z' && q.PPID == parent {
				found = append(found, q)
			}
		}
	}
	return found
}

// StopProcess stops a process and waits until it has stopped.
func StopProcess(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatalf("stop %d: %v", pid, err)
	}
	Await(t, fmt.Sprintf("%d to stop", pid), NormalWait, func() bool { return IsStopped(pid) })
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGCONT) })
}

// IsStopped reports whether every thread has stopped (proc(5): T).
func IsStopped(pid int) bool {
	all := Tasks(pid)
	for _, dir := range all {
		if s := ProcStatus(dir)["State"]; s == "" || s[0] != 'T' {
			return false
		}
	}
	return len(all) > 0
}

// TotalCPU is the CPU time of several processes so far.
func TotalCPU(workers []Process) (sum time.Duration) {
	for _, w := range workers {
		sum += CPU(w.PID)
	}
	return sum
}

// ManyTasks is the number of threads of processes.
func ManyTasks(procs []Process) (n int) {
	for _, q := range procs {
		n += len(Tasks(q.PID))
	}
	return n
}
