// Reply, the parser of a proxy's reply to CONNECT, byte by byte.

package negotiate

import "bytes"

// Reply reads a proxy's reply as it arrives, in any pieces. The zero value is
// ready for use. It allocates nothing unless the proxy refuses.
type Reply struct {
	part   part
	cr     bool   // the last byte was a CR, which ends the line if an LF follows
	status uint16 // of the reply that is being read
	line   uint16 // bytes of the line so far
	total  uint16 // bytes of everything so far
	reason []byte // only for a refusal
	err    error  // why it failed
}

// part is the part of the reply to which the next byte belongs.
type part uint8

const (
	inStatus  part = iota // → inHeaders, ended
	inHeaders             // → ended, or inStatus after an interim reply
	ended
)

// Reset prepares the Reply for another proxy's reply.
func (r *Reply) Reset() { *r = Reply{} }

// Feed takes bytes of p up to the end of the headers; n is how many it took.
// If done is true, the proxy has agreed, with a status from 200 to 299, and
// p[n:] is already the target's data: such a reply has no body, whatever its
// headers say. Interim replies are skipped.
//
// An error is final, so there is no reason to try again: it is a *Refusal with
// the proxy's status and reason, or an Error. The result does not depend on
// how the reply was cut into pieces. After the end, Feed takes nothing and
// returns the same result again.
func (r *Reply) Feed(p []byte) (n int, done bool, err error) {
	for n < len(p) && r.part != ended {
		r.take(p[n])
		n++
	}
	return n, r.part == ended && r.err == nil, r.err
}

// take reads one byte. A line may end with a bare LF; a CR within a line is an
// ordinary byte.
func (r *Reply) take(c byte) {
	r.line++
	r.total++
	switch {
	case r.total > MaxReply:
		r.fail(ErrLongReply)
	case r.part == inStatus:
		r.takeStatus(c)
	default:
		r.takeHeader(c)
	}
	r.cr = c == '\r'
	if c == '\n' {
		r.line = 0
	}
}

func (r *Reply) takeHeader(c byte) {
	switch {
	case r.line > MaxHeaderLine:
		r.fail(ErrLongHeader)
	case c == 0:
		r.fail(ErrNUL)
	case c != '\n':
	case r.line == 1 || r.line == 2 && r.cr:
		r.endHeaders()
	}
}

func (r *Reply) endHeaders() {
	if r.status/100 == 1 {
		r.part, r.status = inStatus, 0
		return
	}
	r.part = ended
}

func (r *Reply) fail(err error) {
	r.part, r.err = ended, err
}

// Positions in a status line.
const (
	prefix    = "HTTP/1."
	minorAt   = len(prefix)
	statusAt  = minorAt + len("1 ")
	statusEnd = statusAt + len("200")
)

// takeStatus reads a byte of the status line. The space after the status may
// be missing if there is no reason; some proxies omit it.
func (r *Reply) takeStatus(c byte) {
	at, fits := int(r.line)-1, true
	switch {
	case r.line > MaxStatusLine:
		r.fail(ErrLongStatus)
	case at < minorAt:
		fits = c == prefix[at]
	case at == minorAt:
		fits = c == '0' || c == '1'
	case at < statusAt:
		fits = c == ' '
	case at < statusEnd:
		fits = '0' <= c && c <= '9'
		r.status = r.status*10 + uint16(c-'0')
	case c == '\n':
		r.endStatus()
	case at == statusEnd:
		fits = c == ' ' || c == '\r'
	case at == statusEnd+1 && r.cr:
		fits = false // a CR instead of the space, and no LF after it
	case c == 0:
		r.fail(ErrNUL)
	default:
		r.takeReason(c)
	}
	if !fits {
		r.fail(ErrStatusLine)
	}
}

func (r *Reply) endStatus() {
	switch {
	case r.status == 101:
		r.fail(ErrUnasked)
	case r.agreeable():
		r.part = inHeaders
	default:
		r.fail(&Refusal{Status: int(r.status), Reason: string(bytes.Trim(r.reason, " "))})
	}
}

// agreeable reports whether the status is a success or an interim one.
func (r *Reply) agreeable() bool {
	return r.status/100 == 1 || r.status/100 == 2
}

// takeReason stores a refusal's reason in a form that is safe in a log.
func (r *Reply) takeReason(c byte) {
	if r.agreeable() {
		return
	}
	if r.cr {
		r.keep('?')
	}
	switch {
	case c == '\r': // not before the next byte shows that the line does not end here
	case c == '\t':
		r.keep(' ')
	case c < ' ' || c > '~':
		r.keep('?')
	default:
		r.keep(c)
	}
}

func (r *Reply) keep(c byte) {
	if r.reason == nil {
		r.reason = make([]byte, 0, MaxReason)
	}
	if len(r.reason) < MaxReason {
		r.reason = append(r.reason, c)
	}
}
