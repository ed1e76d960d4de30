// Tests of the handover socket with garbage, truncated messages and too many
// descriptors: each is an error, and no descriptor leaks.

package handover

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/await"
)

// canary returns the write end of a pipe, and a function that reports whether
// every copy of it has been closed.
func canary(t testing.TB) (write int, closed func() bool) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	fd, err := unix.Dup(int(w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	unix.CloseOnExec(fd)
	return fd, func() bool {
		unix.Close(fd)
		r.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := r.Read(make([]byte, 1))
		return err == io.EOF
	}
}

// Data that is not a message is an error, and the descriptors that came with it
// are closed.
func TestWireGarbage(t *testing.T) {
	for name, c := range map[string]struct {
		sent []byte
		want string
	}{
		"text":               {[]byte("HELO plug.example.org\r\n"), "invalid message"},
		"another magic":      {append(header(wireMagic+1, 2), "{}"...), "invalid message"},
		"too long":           {header(wireMagic, wireMost+1), "invalid message"},
		"endless":            {header(wireMagic, 1<<32-1), "invalid message"},
		"no JSON":            {append(header(wireMagic, 5), "plug!"...), "invalid message"},
		"half JSON":          {append(header(wireMagic, 9), `{"kind":"`...), "invalid message"},
		"JSON, no message":   {append(header(wireMagic, 4), `1234`...), "invalid message"},
		"a text for a count": {append(header(wireMagic, 11), `{"pid":"1"}`...), "invalid message"},
		"an empty body":      {header(wireMagic, 0), "invalid message"},
		"a cut header":       {header(wireMagic, 2)[:5], "closed"},
		"a cut body":         {append(header(wireMagic, 100), `{"kind":`...), "closed"},
		"nothing":            {nil, "closed"},
		"an abort":           {append(header(wireMagic, 34), `{"kind":"abort","reason":"no room"}`[:34]...), "invalid message"},
	} {
		a, b := wired(t)
		fd, closed := canary(t)
		if c.sent != nil {
			raw(t, a, c.sent, fd)
		}
		a.hangUp()
		m, fds, err := b.Receive(await.Patience)
		if err == nil || !strings.Contains(err.Error(), c.want) || m != nil || fds != nil {
			t.Errorf("%s: %v, %v, %v; want %q", name, m, fds, err, c.want)
		}
		if c.want == "closed" != errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v, taken for the other side's end: %v", name, err, errors.Is(err, ErrClosed))
		}
		b.hangUp()
		if !closed() {
			t.Errorf("%s: a descriptor is left", name)
		}
	}
}

// Descriptors belong to the beginning of a message. Inside one they are an error.
func TestWireStrayDescriptors(t *testing.T) {
	a, b := wired(t)
	fd, closed := canary(t)
	raw(t, a, append(header(wireMagic, 16), `{"kind":`...))
	got := make(chan error, 1)
	go func() {
		_, _, err := b.Receive(await.Patience)
		got <- err
	}()
	raw(t, a, []byte(`"hello"}`), fd)
	if err := <-got; err == nil || !strings.Contains(err.Error(), "in the middle of a message") {
		t.Error(err)
	}
	if !closed() {
		t.Error("the descriptor is left")
	}
}

// Any input is a message or an error; it never causes a panic or a hang.
func TestWireNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	good := `{"kind":"children","children":[{"id":1,"generation":1,"slot":0,"pid":2}]}`
	for range 3000 {
		p := append(header(wireMagic, uint32(len(good))), good...)
		for range 1 + rng.IntN(4) {
			p[rng.IntN(len(p))] = byte(rng.Uint32())
		}
		p = p[:rng.IntN(len(p)+1)]
		a, b := Wire{}, Wire{}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		a.FD, b.FD = pair[0], pair[1]
		raw(t, a, append(p, 0)[:len(p)])
		unix.Close(a.FD)
		m, fds, err := b.Receive(await.Patience)
		if (m == nil) != (err != nil) || len(fds) > 0 {
			t.Fatalf("%q: %v, %v, %v", p, m, fds, err)
		}
		unix.Close(b.FD)
	}
}

// If this process has no room for a message's descriptors, the kernel drops them
// (unix(7)). That is an error, which names the limit.
func TestWireDescriptorsLost(t *testing.T) {
	a, b := wired(t)
	fd, closed := canary(t)
	if err := a.Send(&Message{Kind: KindChildren}, fd, fd, fd, fd); err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	free, err := unix.Dup(0) // the lowest number that is not in use
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(free)
	low := old
	low.Cur = uint64(free) + 1
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	_, fds, err := b.Receive(await.Patience)
	unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	if err == nil || !strings.Contains(err.Error(), "descriptors were lost") || !strings.Contains(err.Error(), "RLIMIT_NOFILE") || fds != nil {
		t.Errorf("%v, %v", fds, err)
	}
	if !closed() {
		t.Error("those that came are left")
	}
}
