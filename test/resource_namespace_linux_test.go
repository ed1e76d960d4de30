package test

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// namespace says what a subtest has for itself, by clone(2)'s flags.
type namespace uintptr

const (
	ofMounts namespace = syscall.CLONE_NEWNS
	ofPIDs   namespace = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	ofNet    namespace = syscall.CLONE_NEWNET
)

// insideEnv names the subtest that runs inside its namespace.
const insideEnv = "PLUG_TEST_INSIDE"

// enter runs this subtest once more, in a process with namespaces of its own, so
// that nothing which it mounts or sets exists outside. It is true in there.
func enter(t *testing.T, in namespace) bool {
	t.Helper()
	if os.Getenv(insideEnv) == t.Name() {
		settleIn(t, in)
		return true
	}
	needRoot(t)
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", strings.Join(pattern, "/"), "-test.v", "-test.count=1", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), insideEnv+"="+t.Name(), "PLUG_BIN="+built)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(in)}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("a namespace of its own: %v", err)
	}
	text := string(out)
	for _, m := range rowForm.FindAllStringSubmatch(text, -1) {
		whole, _ := time.ParseDuration(m[2])
		endings.add(ending{m[1], m[3], whole})
	}
	switch {
	case err != nil:
		t.Errorf("inside: %v\n%s", err, text)
	case strings.Contains(text, "--- SKIP: "+t.Name()):
		t.Skip(skipForm.FindStringSubmatch(text)[1])
	case !strings.Contains(text, "--- PASS: "+t.Name()):
		t.Errorf("inside nothing has run: %s", text)
	}
	return false
}

var (
	rowForm  = regexp.MustCompile(`(?m)^ +(\S.*?)  +(\d\S*)  +(\(.*)$`)
	skipForm = regexp.MustCompile(`_test\.go:\d+: (.*)`)
)

// settleIn makes the new namespaces habitable.
func settleIn(t *testing.T, in namespace) {
	t.Helper()
	must := func(what string, err error) {
		if err != nil {
			t.Skipf("%s: %v", what, err)
		}
	}
	if in&syscall.CLONE_NEWNS != 0 {
		must("private mounts", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	}
	if in&syscall.CLONE_NEWPID != 0 {
		must("proc", unix.Mount("proc", "/proc", "proc", 0, ""))
	}
	if in&syscall.CLONE_NEWNET != 0 {
		fd, err := socket()
		must("socket", err)
		defer syscall.Close(fd)
		lo, err := unix.NewIfreq("lo")
		must("lo", err)
		lo.SetUint16(unix.IFF_UP)
		must("lo", unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo))
	}
}
