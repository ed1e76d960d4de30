// An impostor: a program that plays the new master in an upgrade, up to a
// fault.

package upgrade

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// An impostor only pretends to be a new master: it is this test binary, at a
// plug's path. It takes part in a handover up to a step of its script, and
// then does something else.
//
// The handover socket carries messages: a magic and a length, both
// little-endian 32-bit words, and a JSON object; descriptors come as
// SCM_RIGHTS.

// impostorScript is the name of a file next to the program.
const impostorScript = "script"

// script is what an impostor does.
type script struct {
	Until    string // the last of steps that it takes in order
	Then     string // one of ends
	Protocol int    // its protocol version; 0 is the newest one known here
	Oldest   int
}

// steps of a handover, from the new master's point of view.
var steps = []string{
	"start",      // has sent nothing
	"hello",      // has sent hello, and received one
	"offer",      // has received the sockets of the process
	"plug",       // has received the listeners
	"freeze",     // has asked for the roster
	"generation", // has received the first generation
	"children",   // has received the first batch of workers
	"taken",      // has confirmed that
	"end",        // has received everything
	"verified",   // has confirmed that
	"ready",      // has notified tableflip
	"commit",     // has been told to be the master
}

// ends are what it does then. All except the first four leave the process
// alive.
var ends = map[string]func(*impostor){
	"exit":    func(*impostor) { os.Exit(3) },
	"exit 0":  func(*impostor) { os.Exit(0) },
	"killed":  func(*impostor) { syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} },
	"abort":   func(i *impostor) { i.say(map[string]any{"kind": "abort", "reason": "a whim"}); os.Exit(4) },
	"silence": func(*impostor) { sleepForEver() },
	"close":   func(i *impostor) { syscall.Close(i.fd); sleepForEver() },
	"garbage": func(i *impostor) { i.write([]byte(strings.Repeat("garbage ", 100))); sleepForEver() },
	"huge":    func(i *impostor) { i.write(frame(0xfffffff0, nil)); sleepForEver() },
	"no JSON": func(i *impostor) { i.write(frame(9, []byte("{\"kind\": "))); sleepForEver() },
	"wrong":   func(i *impostor) { i.say(map[string]any{"kind": "offer"}); sleepForEver() },
	"cut":     func(i *impostor) { i.write(frame(1000, []byte(`{"kind":`))); os.Exit(5) },
	"ready":   func(i *impostor) { i.ready(); sleepForEver() },
}

func sleepForEver() {
	for {
		unix.Poll(nil, -1)
	}
}

// A new master recognizes itself by its environment; a test never has that.
func init() {
	if os.Getenv("PLUG_ROLE") == "successor" {
		playImpostor()
	}
}

// impostor is a running impostor.
type impostor struct {
	script
	fd, readyFD int
	rest        []byte // received, but not parsed yet
}

const (
	impostorMagic  = 0x47554c50
	newestProtocol = 4
)

func playImpostor() {
	i := &impostor{fd: 5, readyFD: 3} // as tableflip numbers them
	if os.Getenv("TABLEFLIP_HAS_PARENT_7DIU3") == "" {
		i.fd, i.readyFD = 3, 4
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(os.Args[0]), impostorScript))
	if err == nil {
		err = json.Unmarshal(text, &i.script)
	}
	if err == nil {
		err = i.play()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "impostor:", err)
		os.Exit(99)
	}
	ends[i.Then](i)
}

// play takes the steps up to the last one.
func (i *impostor) play() error {
	if i.Protocol == 0 {
		i.Protocol, i.Oldest = newestProtocol, 1
	}
	do := map[string]func() error{
		"start": func() error { return nil },
		"hello": func() error {
			if err := i.say(map[string]any{"kind": "hello", "protocol": i.Protocol, "oldest": i.Oldest, "version": "impostor", "pid": os.Getpid()}); err != nil {
				return err
			}
			return i.hear("hello")
		},
		"offer":      func() error { return i.hear("offer") },
		"plug":       func() error { return i.hear("plug") },
		"freeze":     func() error { return i.say(map[string]any{"kind": "freeze"}) },
		"generation": func() error { return i.hear("generation") },
		"children":   i.hearChildren,
		"taken":      func() error { return i.say(map[string]any{"kind": "taken"}) },
		"end":        i.hearAll,
		"verified":   func() error { return i.say(map[string]any{"kind": "verified"}) },
		"ready":      i.ready,
		"commit":     func() error { return i.hear("commit") },
	}
	for _, step := range steps {
		if err := do[step](); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		if step == i.Until {
			return nil
		}
	}
	return fmt.Errorf("there is no step %q", i.Until)
}

func (i *impostor) ready() error {
	_, err := syscall.Write(i.readyFD, []byte{42})
	return err
}

func frame(size uint32, body []byte) []byte {
	p := binary.LittleEndian.AppendUint32(nil, impostorMagic)
	return append(binary.LittleEndian.AppendUint32(p, size), body...)
}

func (i *impostor) say(m map[string]any) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return i.write(frame(uint32(len(body)), body))
}

func (i *impostor) write(p []byte) error {
	_, err := syscall.Write(i.fd, p)
	return err
}

// hear waits for a message of this kind.
func (i *impostor) hear(kind string) error {
	got, err := i.read()
	if err == nil && got != kind {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

// hearChildren receives the other generations, and the first batch of workers.
func (i *impostor) hearChildren() error {
	for {
		if kind, err := i.read(); err != nil || kind == "children" {
			return err
		} else if kind != "generation" {
			return fmt.Errorf("got %q", kind)
		}
	}
}

// hearAll receives the rest of the roster.
func (i *impostor) hearAll() error {
	for {
		kind, err := i.read()
		switch {
		case err != nil || kind == "end":
			return err
		case kind == "children":
			if err := i.say(map[string]any{"kind": "taken"}); err != nil {
				return err
			}
		}
	}
}

// read reads a message and returns its kind. Its descriptors stay open.
func (i *impostor) read() (kind string, err error) {
	head, err := i.take(8)
	if err != nil {
		return "", err
	}
	if magic := binary.LittleEndian.Uint32(head); magic != impostorMagic {
		return "", fmt.Errorf("magic %#x", magic)
	}
	body, err := i.take(int(binary.LittleEndian.Uint32(head[4:])))
	if err != nil {
		return "", err
	}
	var m struct{ Kind, Reason string }
	if err := json.Unmarshal(body, &m); err != nil {
		return "", err
	}
	if m.Kind == "abort" {
		return "", errors.New("the old master gave up: " + m.Reason)
	}
	return m.Kind, nil
}

func (i *impostor) take(n int) ([]byte, error) {
	buf, control := make([]byte, 64<<10), make([]byte, 4096)
	for len(i.rest) < n {
		got, _, _, _, err := syscall.Recvmsg(i.fd, buf, control, 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if got == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		i.rest = append(i.rest, buf[:got]...)
	}
	p := i.rest[:n]
	i.rest = i.rest[n:]
	return p, nil
}

// runImpostor puts an impostor with a script at the plug's path.
func runImpostor(p *harness.Plug, s script) {
	p.T.Helper()
	text, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.Dir, impostorScript), text, 0o644)
	}
	if err != nil {
		p.T.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		p.T.Fatal(err)
	}
	p.Install(self)
}
