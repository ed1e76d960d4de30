// A child process for the tests of titles, and what the kernel shows of it.

package title

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// A child is this test binary, started with a test's arguments. It claims its
// titles and obeys commands, one per line.

const childVariable = "PLUG_TITLE_TEST_CHILD" // "args" or "env": what it claims

func init() {
	if os.Getenv(childVariable) != "" {
		runtime.LockOSThread() // the main thread, for Comm
	}
}

func TestMain(m *testing.M) {
	if what := os.Getenv(childVariable); what != "" {
		obey(Claim(what == "env"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func obey(title *Title) {
	orders := bufio.NewScanner(os.Stdin)
	orders.Buffer(nil, 1<<20)
	for orders.Scan() {
		order, value, _ := strings.Cut(orders.Text(), " ")
		answer := "ok"
		switch order {
		case "set":
			title.Set([]byte(value))
		case "room":
			answer = strconv.Itoa(title.Room())
		case "args":
			answer = fmt.Sprintf("%q %t", os.Args, Claim(false) == title)
		case "comm":
			Comm(value)
		case "commany":
			done := make(chan error)
			go func() { // the main thread is locked, so this is another one
				runtime.LockOSThread()
				done <- CommAny(value)
			}()
			answer = fmt.Sprint(<-done)
		case "flip":
			long, short := []byte(strings.Repeat("L", title.Room())), []byte("s")
			exact := []byte(strings.Repeat("e", title.args-1))
			go func() {
				for {
					title.Set(long)
					title.Set(exact)
					title.Set(short)
				}
			}()
		}
		fmt.Println(answer)
	}
}

type child struct {
	t      *testing.T
	pid    int
	orders *os.File
	answer *bufio.Reader
}

func start(t *testing.T, what string, args []string, env ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// The race detector's wait at exit is of no use here.
	env = append(env, "GORACE=atexit_sleep_ms=0", childVariable+"="+what)
	cmd := &exec.Cmd{Path: self, Args: args, Env: env, Stdin: in, Stderr: os.Stderr}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	t.Cleanup(func() {
		orders.Close() // EOF for the child
		if err := cmd.Wait(); err != nil {
			t.Errorf("child %q: %v", args, err)
		}
	})
	return &child{t, cmd.Process.Pid, orders, bufio.NewReader(out)}
}

// tell waits for the answer, so the order has been carried out when it
// returns.
func (c *child) tell(order string) string {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.orders, order); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.answer.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSuffix(answer, "\n")
}

func (c *child) room() int {
	c.t.Helper()
	room, err := strconv.Atoi(c.tell("room"))
	if err != nil {
		c.t.Fatal(err)
	}
	return room
}

// proc is what /proc shows about the child.
func (c *child) proc(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.pid, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}
