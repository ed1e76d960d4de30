// Harness: running a test again inside its own namespaces.

package harness

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Namespace says which namespaces a subtest needs, as flags of clone(2).
type Namespace uintptr

const (
	OfMounts Namespace = syscall.CLONE_NEWNS
	OfPIDs   Namespace = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	OfNet    Namespace = syscall.CLONE_NEWNET

	OfHostName Namespace = syscall.CLONE_NEWUTS
)

// InsideEnv names the subtest that runs inside its namespace.
const InsideEnv = "PLUG_TEST_INSIDE"

// InNamespace runs this subtest again, in a process with its own namespaces, so that
// its mounts and settings do not exist outside. It returns true inside. Outside,
// the output of the run inside is passed to read.
func InNamespace(t *testing.T, in Namespace, read ...func(output string)) bool {
	t.Helper()
	if os.Getenv(InsideEnv) == t.Name() {
		settleIn(t, in)
		return true
	}
	NeedRoot(t)
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", strings.Join(pattern, "/"), "-test.v", "-test.count=1", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), InsideEnv+"="+t.Name(), "PLUG_BIN="+Binary)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(in)}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("a namespace of its own: %v", err)
	}
	text := string(out)
	for _, m := range saidForm.FindAllStringSubmatch(text, -1) {
		t.Log(m[1])
	}
	for _, f := range read {
		f(text)
	}
	switch {
	case strings.Contains(text, "--- SKIP: "+t.Name()+" "):
		t.Skip(skipForm.FindStringSubmatch(text)[1])
	case err != nil || !strings.Contains(text, "--- PASS: "+t.Name()+" "):
		t.Errorf("inside: %v\n%s", err, text)
	}
	relay(t, text)
	return false
}

// relay reports the results of the subtests inside as if they had run here;
// those that only contain others are left out.
func relay(t *testing.T, text string) {
	results := resultForm.FindAllStringSubmatch(text, -1)
	for _, m := range results {
		sub, own := strings.CutPrefix(m[2], t.Name()+"/")
		holds := slices.ContainsFunc(results, func(o []string) bool { return strings.HasPrefix(o[2], m[2]+"/") })
		if !own || holds {
			continue
		}
		t.Run(sub, func(t *testing.T) {
			switch m[1] {
			case "FAIL":
				t.Error("inside its namespace: see above")
			case "SKIP":
				t.Skip("inside its namespace")
			}
		})
	}
}

// OwnNet runs a test in a network namespace of its own, where thousands of
// other tests' ended connections do not slow down every read of /proc/net/tcp.
// It returns true inside, and also if this user cannot create one.
func OwnNet(t *testing.T) bool {
	t.Helper()
	return os.Getuid() != 0 || InNamespace(t, OfNet)
}

var (
	resultForm = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+) `)
	saidForm   = regexp.MustCompile(`(?m)^ +\S+\.go:\d+: (\d+ .*)$`) // figures
	skipForm   = regexp.MustCompile(`\.go:\d+: (.*)`)
)

// settleIn sets up the new namespaces.
func settleIn(t *testing.T, in Namespace) {
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
		fd, err := Socket()
		must("socket", err)
		defer syscall.Close(fd)
		lo, err := unix.NewIfreq("lo")
		must("lo", err)
		lo.SetUint16(unix.IFF_UP)
		must("lo", unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo))
	}
}

// SmallBuffers runs a test in a network namespace in which sockets have little
// memory, so that slow receivers have an effect early, even by thousands
// (tcp(7)). It returns true inside, and also if this user cannot create one.
func SmallBuffers(t *testing.T) bool {
	t.Helper()
	if !OwnNet(t) {
		return false
	}
	if os.Getuid() != 0 {
		return true
	}
	for _, name := range []string{"tcp_rmem", "tcp_wmem"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte("4096 65536 131072"), 0o644); err != nil {
			t.Skipf("%s of its own: %v", name, err)
		}
	}
	return true
}

// OwnRun gives a test its own /run and network namespace, so that no other
// plug of this system is found. It returns true inside.
func OwnRun(t *testing.T) bool {
	t.Helper()
	if !InNamespace(t, OfMounts|OfNet) {
		return false
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		t.Skipf("a /run of its own: %v", err)
	}
	return true
}

// SystemDirs are the directories that replace the real ones, if those exist.
var SystemDirs = []string{"/run", "/etc/init.d", "/etc/runlevels", "/etc/rc0.d", "/etc/rc1.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d",
	"/etc/rc5.d", "/etc/rc6.d", "/etc/rcS.d", "/etc/systemd/system", "/sys/fs/cgroup"}
