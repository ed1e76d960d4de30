// Harness: what /proc shows about processes.

package test

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

// process is what /proc shows about one process (proc(5)).
type process struct {
	pid, ppid, pgid int
	session         int
	state           byte   // R, S, Z, …
	comm            string // at most 15 bytes
	title           string // cmdline, without its padding
	start           uint64 // clock ticks since boot: together with pid, an identity
	stack           uint64 // start of its stack
}

func (p process) String() string {
	return fmt.Sprintf("%d (ppid %d, %c) %s: %q", p.pid, p.ppid, p.state, p.comm, p.title)
}

// processesOf lists the live processes whose executable is exe, in order of
// their start, without zombies. A forked process that has not called exec yet
// is not listed: its memory, title, group and signals are its parent's.
func processesOf(exe string) []process {
	dirs, _ := os.ReadDir("/proc")
	var found []process
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || !isOf(pid, exe) {
			continue
		}
		if p, err := readProcess(pid); err == nil && p.state != 'Z' {
			found = append(found, p)
		}
	}
	parents := map[int]process{}
	for _, p := range found {
		parents[p.pid] = p
	}
	found = slices.DeleteFunc(found, func(p process) bool { return p.forkOf(parents[p.ppid]) })
	slices.SortFunc(found, func(a, b process) int {
		if a.start != b.start {
			return int(a.start) - int(b.start)
		}
		return a.pid - b.pid
	})
	return found
}

// forkOf reports whether p is a copy of its parent q that has not called exec:
// after exec, its stack is elsewhere (proc_pid_stat(5) startstack, 0 if it may
// not be known).
func (p process) forkOf(q process) bool {
	return p.stack == q.stack && p.stack != 0 && p.title == q.title
}

// isOf reports whether pid lives and runs exe, even if exe was replaced on
// disk.
func isOf(pid int, exe string) bool {
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.TrimSuffix(link, " (deleted)") == exe
}

func readProcess(pid int) (process, error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return process{}, err
	}
	// comm may contain anything, even parentheses: the last one ends it.
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[shut+1:]))
	if open < 0 || len(fields) < 26 {
		return process{}, fmt.Errorf("%sstat: %q", dir, stat)
	}
	p := process{pid: pid, state: fields[0][0], comm: string(stat[open+1 : shut])}
	p.ppid, _ = strconv.Atoi(fields[1])
	p.pgid, _ = strconv.Atoi(fields[2])
	p.session, _ = strconv.Atoi(fields[3])
	p.start, _ = strconv.ParseUint(fields[19], 10, 64)
	p.stack, _ = strconv.ParseUint(fields[25], 10, 64)
	line, err := os.ReadFile(dir + "cmdline")
	if err != nil {
		return process{}, err
	}
	p.title = strings.ReplaceAll(strings.TrimRight(string(line), "\x00 "), "\x00", " ")
	return p, nil
}

func title(pid int) string {
	p, _ := readProcess(pid)
	return p.title
}

// status returns the fields of /proc/PID/status, or of a task's.
func status(dir string) map[string]string {
	fields := map[string]string{}
	b, _ := os.ReadFile(filepath.Join(dir, "status"))
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// rss is the resident memory of pid in bytes; 0 if it is gone.
func rss(pid int) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(status(fmt.Sprintf("/proc/%d", pid))["VmRSS"], " kB"))
	return n << 10
}

// mask is a signal mask of pid, such as SigIgn; bit n-1 is signal n.
func mask(t testing.TB, pid int, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(status(fmt.Sprintf("/proc/%d", pid))[name], 16, 64)
	if err != nil {
		t.Fatalf("%s of %d: %v", name, pid, err)
	}
	return n
}

// tasks are the /proc directories of a process's threads.
func tasks(pid int) []string {
	dirs, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	return dirs
}

// cpu is the CPU time of a process so far, in the scheduler's nanoseconds,
// since stat's 10 ms would hide the use of an idle worker in a second.
func cpu(pid int) time.Duration { return schedstat(pid, 0) }

// queued is how long a process's threads, ready to run, have waited for a CPU.
func queued(pid int) time.Duration { return schedstat(pid, 1) }

// schedstat sums a column of schedstat, in nanoseconds, over all threads.
func schedstat(pid, column int) time.Duration {
	var sum int64
	for _, dir := range tasks(pid) {
		b, _ := os.ReadFile(dir + "/schedstat")
		if f := strings.Fields(string(b)); len(f) > column {
			n, _ := strconv.ParseInt(f[column], 10, 64)
			sum += n
		}
	}
	return time.Duration(sum)
}

// switches is the number of context switches of a process so far, in all its
// threads.
func switches(pid int) (sum int) {
	for _, dir := range tasks(pid) {
		sum += switchesOf(dir)
	}
	return sum
}

// switchesOf is the same for one thread, by its directory
// (proc_pid_status(5)).
func switchesOf(dir string) int {
	s := status(dir)
	v, _ := strconv.Atoi(s["voluntary_ctxt_switches"])
	f, _ := strconv.Atoi(s["nonvoluntary_ctxt_switches"])
	return v + f
}

// hurry gives the plug and the test priority over other work on the machine,
// if permitted, for a promise in milliseconds: that is about the daemon, not
// about other processes. Later threads and processes inherit it.
func (p *plug) hurry() {
	for _, q := range p.procs() {
		renice(q.pid, -15)
	}
	renice(os.Getpid(), -15)
	p.t.Cleanup(func() { renice(os.Getpid(), 0) })
}

// renice sets the niceness of all threads, and of the session's autogroup,
// since the kernel may weigh sessions instead of threads (sched(7)).
func renice(pid, nice int) {
	os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(nice)), 0)
	for _, dir := range tasks(pid) {
		if task, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			syscall.Setpriority(syscall.PRIO_PROCESS, task, nice)
		}
	}
}

// descriptors says what each descriptor of pid is.
func descriptors(pid int) map[int]string {
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

// environment is the initial environment of pid.
func environment(pid int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	env := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	slices.Sort(env)
	return env
}
