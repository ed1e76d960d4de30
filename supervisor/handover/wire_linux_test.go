// Tests of the handover socket: every field and descriptor arrives, and an error
// says what that side was waiting for.

package handover

import (
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/await"
	"daemon/plug/worker/version"
)

// wired returns both ends of a handover socket.
func wired(t testing.TB) (a, b Wire) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := []*os.File{os.NewFile(uintptr(pair[0]), "a"), os.NewFile(uintptr(pair[1]), "b")} // each is closed only once
	t.Cleanup(func() {
		for _, f := range files {
			f.Close()
		}
	})
	return Wire{FD: pair[0]}, Wire{FD: pair[1]}
}

// hangUp closes the connection of one side; the descriptor stays open for the
// clean-up.
func (w Wire) hangUp() { unix.Shutdown(w.FD, unix.SHUT_RDWR) }

// raw writes bytes that Send would not write.
func raw(t testing.TB, w Wire, p []byte, fds ...int) {
	t.Helper()
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(w.FD, p, rights, nil, 0); err != nil {
		t.Fatal(err)
	}
}

// header returns a message's first eight bytes.
func header(magic, size uint32) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, magic), size)
}

// Every field of every kind arrives as it was sent.
func TestWireCarriesEveryField(t *testing.T) {
	a, b := wired(t)
	sent := new(Message)
	fill(reflect.ValueOf(sent).Elem(), new(int))
	sent.Kind = KindOffer // an abort would be taken as the other side's
	if err := a.Send(sent); err != nil {
		t.Fatal(err)
	}
	got, fds, err := b.Receive(await.Patience)
	if err != nil || len(fds) != 0 {
		t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	sent.End.Frozen, got.End.Frozen = sent.End.Frozen.Round(0), got.End.Frozen.Round(0)
	if !got.End.Frozen.Equal(sent.End.Frozen) {
		t.Errorf("the moment %v arrives as %v", sent.End.Frozen, got.End.Frozen)
	}
	got.End.Frozen = sent.End.Frozen
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("sent %+v %+v\n got %+v %+v", sent, sent.End, got, got.End)
	}
}

// fill sets every field, even unexported ones, to a value that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			if !v.Field(i).CanSet() {
				panic(v.Type().String() + "." + v.Type().Field(i).Name + " is not exported: JSON leaves it out")
			}
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("s", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	default:
		panic("how is a " + v.Kind().String() + " filled?")
	}
}

// Descriptors arrive with the message that they were sent with, in their order,
// and are not inherited by programs that are started.
func TestWireCarriesDescriptors(t *testing.T) {
	a, b := wired(t)
	var sent []int
	for range 2 * Batch {
		fd, _ := canary(t)
		defer unix.Close(fd)
		sent = append(sent, fd)
	}
	for _, n := range []int{0, 1, 3, 2 * Batch} {
		if err := a.Send(&Message{Kind: KindOffer, PID: n}, sent[:n]...); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{0, 1, 3, 2 * Batch} {
		m, fds, err := b.Receive(await.Patience)
		if err != nil || m.PID != n || len(fds) != n {
			t.Fatalf("message %d of %d descriptors: %v, %d, %v", n, n, m, len(fds), err)
		}
		for i, fd := range fds {
			var is, was unix.Stat_t
			unix.Fstat(fd, &is)
			unix.Fstat(sent[i], &was)
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if is.Ino != was.Ino || err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d of %d: inode %d, sent was %d; flags %#x", i, n, is.Ino, was.Ino, flags)
			}
		}
		CloseAll(fds)
	}
}

// A message may be larger than the socket's buffer, and its reader may be slow.
func TestWireLargeMessages(t *testing.T) {
	a, b := wired(t)
	fd, _ := canary(t)
	defer unix.Close(fd)
	sent := make(chan error, 1)
	go func() {
		var err error
		for i := range 3 {
			m := Message{Kind: KindLines, Lines: &LineBatch{Lines: []string{strings.Repeat(string(rune('a'+i)), 1<<20)}}}
			if err == nil {
				err = a.Send(&m, fd)
			}
		}
		sent <- err
	}()
	for i := range 3 {
		m, fds, err := b.Receive(await.Patience)
		if err != nil || len(fds) != 1 || m.Lines.Lines[0] != strings.Repeat(string(rune('a'+i)), 1<<20) {
			t.Fatalf("message %d: %d descriptors, %v", i, len(fds), err)
		}
		CloseAll(fds)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestWireAbort(t *testing.T) {
	a, b := wired(t)
	a.Abort("no room")
	if _, _, err := b.Expect(KindOffer, await.Patience); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Error(err)
	}
	a.hangUp()
	a.Abort("nobody listens") // neither a signal nor a panic
}

// A message of an unexpected kind ends the exchange, and its descriptors are
// closed.
func TestWireExpect(t *testing.T) {
	a, b := wired(t)
	fd, closed := canary(t)
	if err := a.Send(&Message{Kind: KindGeneration}, fd); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Expect(KindTaken, await.Patience); err == nil || !strings.Contains(err.Error(), KindTaken) || !strings.Contains(err.Error(), KindGeneration) {
		t.Errorf("%v names not both kinds", err)
	}
	if !closed() {
		t.Error("a descriptor is left")
	}
}

// The time limit applies to a whole message, not to each byte of it.
func TestWirePatience(t *testing.T) {
	a, b := wired(t)
	for name, drip := range map[string]bool{"silence": false, "a byte now and then": true} {
		over := make(chan struct{})
		if drip {
			go func() {
				for _, c := range append(header(wireMagic, 1000), make([]byte, 900)...) {
					select {
					case <-over:
						return
					case <-time.After(5 * time.Millisecond):
						unix.Write(a.FD, []byte{c})
					}
				}
			}()
		}
		began := time.Now()
		_, _, err := b.Expect(KindHello, 100*time.Millisecond)
		took := time.Since(began)
		close(over)
		if err == nil || !strings.Contains(err.Error(), "no answer within 100ms") || took < 90*time.Millisecond || took > 2*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
}

// Masters agree on a protocol if the ranges of their versions overlap.
func TestWireVersions(t *testing.T) {
	for _, c := range []struct {
		newest, oldest int // the other side's
		understood     bool
	}{
		{version.Handover, version.OldestHandover, true},
		{version.Handover + 1, version.Handover, true},
		{version.Handover + 1, version.OldestHandover, true},
		{version.Handover + 1, version.Handover + 1, false},
		{version.Handover + 98, version.Handover + 97, false},
		{version.OldestHandover, version.OldestHandover, true},
		{version.OldestHandover, 0, true},
		{version.OldestHandover - 1, 0, false},
		{0, 0, false},
		{-1, -1, false},
	} {
		a, b := wired(t)
		if err := a.Send(&Message{Kind: KindHello, Protocol: c.newest, Oldest: c.oldest, Version: "7.1", PID: 4711}); err != nil {
			t.Fatal(err)
		}
		m, err := b.Greet("3.0", await.Patience)
		if c.understood && (err != nil || m.PID != 4711 || m.Version != "7.1") || !c.understood && err == nil {
			t.Errorf("%d to %d: %+v, %v", c.oldest, c.newest, m, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "protocol") || !strings.Contains(err.Error(), "7.1")) {
			t.Errorf("%d to %d: the reason is %q", c.oldest, c.newest, err)
		}
		if own, _, err := a.Receive(await.Patience); err != nil || own.Kind != KindHello || own.Protocol != version.Handover || own.Oldest != version.OldestHandover || own.PID != os.Getpid() {
			t.Errorf("its own hello: %+v, %v", own, err)
		}
	}
}

// Fields that a later version has added are ignored.
func TestWireUnknownFields(t *testing.T) {
	a, b := wired(t)
	body := `{"kind":"offer","offer":{"role":"service","plugs":3,"since":[1,{"x":2}]},"mood":"good"}`
	raw(t, a, append(header(wireMagic, uint32(len(body))), body...))
	m, _, err := b.Expect(KindOffer, await.Patience)
	if err != nil || m.Offer == nil || m.Offer.Role != "service" || m.Offer.Plugs != 3 {
		t.Errorf("%+v, %v", m, err)
	}
}

// A side that does not read does not block the other one, which may be frozen.
func TestWireSendToDeaf(t *testing.T) {
	a, _ := wired(t)
	sent := make(chan error, 1)
	go func() {
		sent <- a.Send(&Message{Kind: KindLines, Lines: &LineBatch{Lines: []string{strings.Repeat("x", wireMost/2)}}})
	}()
	select {
	case err := <-sent:
		if err == nil || err.Error() != "send lines: not read within 1s" {
			t.Errorf("error %v", err)
		}
	case <-time.After(await.Patience):
		t.Fatal("it waits")
	}
}
