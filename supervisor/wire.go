// The handover socket: messages as JSON with a length, and the descriptors that go
// with them.

package supervisor

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

// wire is one end of the handover socket: a stream of messages between the old
// master and the new one. A message is a magic, a length, and one JSON object;
// descriptors come with its first byte (SCM_RIGHTS, unix(7)). Fields are only
// ever added, so that a master understands the version before and after its own.
type wire struct{ fd int }

const (
	wireMagic    = 0x47554c50 // "PLUG"
	wireMost     = 4 << 20    // bytes of a message
	wireRights   = 250        // descriptors of a message; the kernel takes 253
	batchOf      = wireRights / 2
	answerWithin = time.Second // frozen: nothing may stand still for longer
)

// kind of a message, in the order of a handover.
const (
	wireHello      = "hello"      // both ways, first
	wireOffer      = "offer"      // old: listeners, and what the new one should prepare
	wireFreeze     = "freeze"     // new: ready for the roster
	wireGeneration = "generation" // old: one generation and its memories
	wireChildren   = "children"   // old: a batch of its workers
	wireTaken      = "taken"      // new: has the batch
	wireEnd        = "end"        // old: that was all; counts and sums
	wireVerified   = "verified"   // new: counts and sums agree
	wireCommit     = "commit"     // old: you are the master
	wireCommitted  = "committed"  // new: I am
	wireAbort      = "abort"      // both ways: the reason
)

// message is any of these; only the fields of its kind are set.
type message struct {
	Kind string `json:"kind"`

	Protocol int    `json:"protocol,omitempty"` // hello
	Oldest   int    `json:"oldest,omitempty"`
	Version  string `json:"version,omitempty"` // of the program
	PID      int    `json:"pid,omitempty"`

	Reason     string            `json:"reason,omitempty"` // abort
	Offer      *offer            `json:"offer,omitempty"`
	Generation *generationRecord `json:"generation,omitempty"`
	Children   []childRecord     `json:"children,omitempty"`
	End        *endRecord        `json:"end,omitempty"`
}

// errGaveUp is the other side's word that there will be no handover, and why.
var errGaveUp = errors.New("the other side gave up")

// errWireEnd is the other side's end.
var errWireEnd = errors.New("the other side closed the handover socket")

// send writes a message with descriptors, which stay the caller's. A process that
// does not read, as a stopped one, is waited for as long as for its answer.
func (w wire) send(m *message, fds ...int) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	p := binary.LittleEndian.AppendUint32(nil, wireMagic)
	p = binary.LittleEndian.AppendUint32(p, uint32(len(body)))
	p = append(p, body...)
	patience := unix.NsecToTimeval(int64(answerWithin))
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience); err != nil {
		return fmt.Errorf("send %s: %w", m.Kind, err)
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for len(p) > 0 {
		n, err := unix.SendmsgN(w.fd, p, rights, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return fmt.Errorf("send %s: not read within %v", m.Kind, answerWithin)
		}
		if err != nil {
			return fmt.Errorf("send %s: %w", m.Kind, err)
		}
		p, rights = p[n:], nil
	}
	return nil
}

// receive reads one message and its descriptors, which are the caller's then.
// It waits for at most the patience; 0 is without end.
func (w wire) receive(patience time.Duration) (m *message, fds []int, err error) {
	deadline := time.Time{}
	if patience > 0 {
		deadline = time.Now().Add(patience)
	}
	defer func() {
		if err != nil {
			closeAll(fds)
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
	m = new(message)
	if err = json.Unmarshal(body, m); err != nil {
		return nil, fds, fmt.Errorf("invalid message: %w", err)
	}
	if m.Kind == wireAbort {
		return nil, fds, fmt.Errorf("%w: %s", errGaveUp, m.Reason)
	}
	return m, fds, nil
}

// read fills p.
func (w wire) read(p []byte, rights bool, deadline time.Time) (fds []int, err error) {
	control := make([]byte, unix.CmsgSpace(4*wireRights+16))
	for len(p) > 0 {
		if err := w.await(deadline); err != nil {
			return fds, err
		}
		n, oob, flags, _, err := unix.Recvmsg(w.fd, p, control, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fds, fmt.Errorf("receive: %w", err)
		case n == 0:
			return fds, errWireEnd
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
func (w wire) await(deadline time.Time) error {
	for {
		ms := -1
		if !deadline.IsZero() {
			if ms = int(time.Until(deadline) / time.Millisecond); ms < 0 {
				return os.ErrDeadlineExceeded
			}
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, ms)
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

// expect receives a message of one kind.
func (w wire) expect(kind string, patience time.Duration) (*message, []int, error) {
	m, fds, err := w.receive(patience)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("no answer within %v", patience)
		}
		return nil, nil, fmt.Errorf("waiting for %q: %w", kind, err)
	}
	if m.Kind != kind {
		closeAll(fds)
		return nil, nil, fmt.Errorf("waiting for %q: got %q", kind, m.Kind)
	}
	return m, fds, nil
}

// greet exchanges hellos and agrees on a protocol.
func (w wire) greet(build string, patience time.Duration) (*message, error) {
	if err := w.send(&message{Kind: wireHello, Protocol: version.Handover, Oldest: version.OldestHandover, Version: build, PID: os.Getpid()}); err != nil {
		return nil, err
	}
	m, fds, err := w.expect(wireHello, patience)
	closeAll(fds)
	if err != nil {
		return nil, err
	}
	if min(m.Protocol, version.Handover) < max(m.Oldest, version.OldestHandover) {
		return nil, fmt.Errorf("protocol: the other side (version %s) speaks versions %d to %d, this one %d to %d",
			m.Version, m.Oldest, m.Protocol, version.OldestHandover, version.Handover)
	}
	return m, nil
}

// abort says why there will be no handover.
func (w wire) abort(reason string) { w.send(&message{Kind: wireAbort, Reason: reason}) }

func (w wire) close() { unix.Close(w.fd) }

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

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
