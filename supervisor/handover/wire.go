// The handover socket: messages in JSON with a length, and the descriptors that
// come with them.

// Package handover is the protocol between the old master and the new one in an
// upgrade: the socket with its messages and records, and the start of the new
// master. What the masters do with it is in package supervisor.
package handover

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/worker/version"
)

// Wire is one end of the handover socket: a stream of messages between the old
// master and the new one. A message is a magic, a length, and one JSON object;
// descriptors come with its first byte (SCM_RIGHTS, unix(7)). Fields are only
// ever added, so that a master understands the version before and after its own.
type Wire struct{ FD int }

const (
	wireMagic  = 0x47554c50 // "PLUG"
	wireMost   = 4 << 20    // bytes per message
	wireRights = 250        // descriptors per message; the kernel allows 253
)

const (
	// Batch is how many workers one message may carry, with two descriptors each.
	Batch = wireRights / 2

	// Lines is how many session lines one message may carry.
	Lines = 1000
)

// AnswerWithin is how long one side waits for the other. While the old master is
// frozen, no step may take longer.
const AnswerWithin = time.Second

// Kinds of messages, in the order of a handover.
const (
	KindHello      = "hello"      // both ways, first message
	KindOffer      = "offer"      // old: what the new one should prepare
	KindPlug       = "plug"       // old: the same for one plug, with its listeners
	KindFreeze     = "freeze"     // new: ready to receive the roster
	KindGeneration = "generation" // old: one generation and its memory
	KindChildren   = "children"   // old: a batch of its workers
	KindTaken      = "taken"      // new: received the batch
	KindState      = "state"      // old: the state of one plug
	KindLines      = "lines"      // old: a batch of its session lines
	KindEnd        = "end"        // old: that is all; counts and sums
	KindVerified   = "verified"   // new: counts and sums agree
	KindCommit     = "commit"     // old: the new one is the master
	KindCommitted  = "committed"  // new: it is
	KindAbort      = "abort"      // both ways: the reason
)

// Message is any of these; only the fields of its kind are set.
type Message struct {
	Kind string `json:"kind"`

	Protocol int    `json:"protocol,omitempty"` // hello
	Oldest   int    `json:"oldest,omitempty"`
	Version  string `json:"version,omitempty"` // of the program
	PID      int    `json:"pid,omitempty"`

	Reason     string            `json:"reason,omitempty"` // abort
	Offer      *Offer            `json:"offer,omitempty"`
	Plug       *PlugOffer        `json:"plug,omitempty"`
	Generation *GenerationRecord `json:"generation,omitempty"`
	Children   []ChildRecord     `json:"children,omitempty"`
	State      *PlugState        `json:"state,omitempty"`
	Lines      *LineBatch        `json:"lines,omitempty"`
	End        *EndRecord        `json:"end,omitempty"`
}

// ErrGaveUp means that the other side has ended the handover; its reason is added.
var ErrGaveUp = errors.New("the other side gave up")

// ErrClosed means that the other side has closed the socket.
var ErrClosed = errors.New("the other side closed the handover socket")

// Send writes a message with descriptors, which the caller keeps. If the other
// side does not read, for example because it is stopped, Send waits no longer than
// for an answer.
func (w Wire) Send(m *Message, fds ...int) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	p := binary.LittleEndian.AppendUint32(nil, wireMagic)
	p = binary.LittleEndian.AppendUint32(p, uint32(len(body)))
	p = append(p, body...)
	patience := unix.NsecToTimeval(int64(AnswerWithin))
	if err := unix.SetsockoptTimeval(w.FD, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience); err != nil {
		return fmt.Errorf("send %s: %w", m.Kind, err)
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for len(p) > 0 {
		n, err := unix.SendmsgN(w.FD, p, rights, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return fmt.Errorf("send %s: not read within %v", m.Kind, AnswerWithin)
		}
		if err != nil {
			return fmt.Errorf("send %s: %w", m.Kind, err)
		}
		p, rights = p[n:], nil
	}
	return nil
}

// Receive reads one message and its descriptors, which the caller then owns. It
// waits for at most the patience; 0 is no limit.
func (w Wire) Receive(patience time.Duration) (m *Message, fds []int, err error) {
	deadline := time.Time{}
	if patience > 0 {
		deadline = time.Now().Add(patience)
	}
	defer func() {
		if err != nil {
			CloseAll(fds)
			fds = nil
		}
	}()
	head := make([]byte, 8)
	if fds, err = w.read(head, true, deadline); err != nil {
		return nil, fds, err
	}
	size := binary.LittleEndian.Uint32(head[4:])
	if magic := binary.LittleEndian.Uint32(head); magic != wireMagic || size > wireMost {
		return nil, fds, fmt.Errorf("invalid message: magic %#x, %d bytes", magic, size)
	}
	body := make([]byte, size)
	strays, err := w.read(body, false, deadline)
	if fds = append(fds, strays...); err != nil {
		return nil, fds, err
	}
	m = new(Message)
	if err = json.Unmarshal(body, m); err != nil {
		return nil, fds, fmt.Errorf("invalid message: %w", err)
	}
	if m.Kind == KindAbort {
		return nil, fds, fmt.Errorf("%w: %s", ErrGaveUp, m.Reason)
	}
	return m, fds, nil
}

// read fills p.
func (w Wire) read(p []byte, rights bool, deadline time.Time) (fds []int, err error) {
	control := make([]byte, unix.CmsgSpace(4*wireRights+16))
	for len(p) > 0 {
		if err := w.await(deadline); err != nil {
			return fds, err
		}
		n, oob, flags, _, err := unix.Recvmsg(w.FD, p, control, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fds, fmt.Errorf("receive: %w", err)
		case n == 0:
			return fds, ErrClosed
		}
		if oob > 0 {
			fds = append(fds, rightsOf(control[:oob])...)
		}
		if flags&unix.MSG_CTRUNC != 0 {
			return fds, errors.New("receive: descriptors were lost: " + host.WithLimits(unix.EMFILE))
		}
		p = p[n:]
	}
	if len(fds) > 0 && !rights {
		return fds, errors.New("receive: descriptors in the middle of a message")
	}
	return fds, nil
}

// await waits until there is something to read.
func (w Wire) await(deadline time.Time) error {
	for {
		ms := -1
		if !deadline.IsZero() {
			if ms = int(time.Until(deadline) / time.Millisecond); ms < 0 {
				return os.ErrDeadlineExceeded
			}
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.FD), Events: unix.POLLIN}}, ms)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n > 0:
			return nil
		case ms >= 0:
			return os.ErrDeadlineExceeded
		}
	}
}

// Expect receives a message of one kind.
func (w Wire) Expect(kind string, patience time.Duration) (*Message, []int, error) {
	m, fds, err := w.Receive(patience)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("no answer within %v", patience)
		}
		return nil, nil, fmt.Errorf("waiting for %q: %w", kind, err)
	}
	if m.Kind != kind {
		CloseAll(fds)
		return nil, nil, fmt.Errorf("waiting for %q: got %q", kind, m.Kind)
	}
	return m, fds, nil
}

// Greet exchanges hellos and agrees on a protocol.
func (w Wire) Greet(build string, patience time.Duration) (*Message, error) {
	if err := w.Send(&Message{Kind: KindHello, Protocol: version.Handover, Oldest: version.OldestHandover, Version: build, PID: os.Getpid()}); err != nil {
		return nil, err
	}
	m, fds, err := w.Expect(KindHello, patience)
	CloseAll(fds)
	if err != nil {
		return nil, err
	}
	if min(m.Protocol, version.Handover) < max(m.Oldest, version.OldestHandover) {
		return nil, fmt.Errorf("protocol: the other side (version %s) speaks versions %d to %d, this one %d to %d",
			m.Version, m.Oldest, m.Protocol, version.OldestHandover, version.Handover)
	}
	return m, nil
}

// Abort tells the other side why there will be no handover.
func (w Wire) Abort(reason string) { w.Send(&Message{Kind: KindAbort, Reason: reason}) }

// Close closes this end.
func (w Wire) Close() { unix.Close(w.FD) }

func rightsOf(control []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			for _, fd := range got {
				unix.CloseOnExec(fd)
			}
			fds = append(fds, got...)
		}
	}
	return fds
}

// CloseAll closes descriptors that came with a message.
func CloseAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
