// The helper process of these tests: it claims, writes and watches on command.

package pidfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// With this variable in its environment, the test binary obeys commands on
// stdin and answers each with one line. It is the second process for tests
// that need two.
const helperEnv = "PIDFILE_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		obey(os.Stdin, os.Stdout)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func obey(in io.Reader, out io.Writer) {
	var f *File
	var w *watcher
	for sc := bufio.NewScanner(in); sc.Scan(); {
		words := strings.Fields(sc.Text())
		answer, err := "", error(nil)
		switch words[0] {
		case "claim": // claim PATH [NANOSECONDS]: busy-wait until then
			if len(words) > 2 {
				at, _ := strconv.ParseInt(words[2], 10, 64)
				for time.Now().UnixNano() < at {
				}
			}
			f, err = Claim(words[1], os.Getpid())
		case "adopt": // adopt PATH FD
			fd, _ := strconv.Atoi(words[2])
			f, err = Adopt(words[1], fd)
		case "write":
			err = f.Write(numbers(words[1:]))
		case "inplace":
			_, answer = f.InPlace()
		case "remove":
			err = f.Remove()
		case "close":
			err = f.Close()
		case "watch": // watch PATH MASTER, until watched
			w = watch(words[1], numbers(words[2:])[0])
		case "watched":
			var n int
			n, err = w.end()
			answer = strconv.Itoa(n)
		case "cd":
			err = os.Chdir(words[1])
		case "umask":
			syscall.Umask(0o077)
		case "drop": // give up root: become user 65534, which has no rights of its own
			err = errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534))
		default:
			answer, err = obeySystem(words)
		}
		var held *HeldError
		switch {
		case errors.As(err, &held):
			fmt.Fprintln(out, "held", held.PID)
		case err != nil:
			fmt.Fprintln(out, "error", err)
		default:
			fmt.Fprintln(out, strings.TrimSpace("ok "+answer))
		}
	}
}

func numbers(words []string) []int {
	var n []int
	for _, w := range words {
		i, _ := strconv.Atoi(w)
		n = append(n, i)
	}
	return n
}

type helper struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// spawn starts a helper, which ends when the test ends.
func spawn(t *testing.T, attr *syscall.SysProcAttr, files ...*os.File) *helper {
	t.Helper()
	h := &helper{t: t, cmd: exec.Command(os.Args[0])}
	h.cmd.Env = append(os.Environ(), helperEnv+"=1", "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0")
	h.cmd.Stderr = os.Stderr
	h.cmd.SysProcAttr = attr
	h.cmd.ExtraFiles = files
	h.in, _ = h.cmd.StdinPipe()
	out, _ := h.cmd.StdoutPipe()
	h.out = bufio.NewReader(out)
	if err := h.cmd.Start(); err != nil {
		if attr != nil && errors.Is(err, syscall.EPERM) {
			t.Skip("no privilege for namespaces:", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(h.end)
	return h
}

func (h *helper) pid() int { return h.cmd.Process.Pid }

func (h *helper) send(words ...any) {
	h.t.Helper()
	if _, err := io.WriteString(h.in, fmt.Sprintln(words...)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *helper) answer() string {
	h.t.Helper()
	s, err := h.out.ReadString('\n')
	if err != nil {
		h.t.Fatal("helper:", err)
	}
	return strings.TrimSpace(s)
}

func (h *helper) do(words ...any) string {
	h.t.Helper()
	h.send(words...)
	return h.answer()
}

// must expects the answer "ok" and returns what follows it.
func (h *helper) must(words ...any) string {
	h.t.Helper()
	answer := h.do(words...)
	s, ok := strings.CutPrefix(answer, "ok")
	if !ok {
		h.t.Fatalf("%v: %s", words, answer)
	}
	return strings.TrimSpace(s)
}

func (h *helper) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

func (h *helper) end() {
	_ = h.in.Close()
	_ = h.cmd.Wait()
}
