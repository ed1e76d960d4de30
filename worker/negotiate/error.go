// The errors of a proxy's reply: limits, malformed replies and refusals.

package negotiate

// Limits of a reply, in bytes, line ends included.
const (
	MaxStatusLine = 1024
	MaxHeaderLine = 8192
	MaxReply      = 32768 // bytes of the whole reply, interim replies included
	MaxReason     = 128   // bytes of a refusal's reason that are kept
)

// Error is why a reply is not valid or is beyond a limit.
type Error string

// What may be wrong with a reply. The texts contain the values of the limits.
const (
	ErrStatusLine Error = "malformed status line from the proxy"
	ErrNUL        Error = "NUL in the headers from the proxy"
	ErrLongStatus Error = "status line from the proxy exceeds 1024 bytes"
	ErrLongHeader Error = "header line from the proxy exceeds 8192 bytes"
	ErrLongReply  Error = "headers from the proxy exceed 32768 bytes"
	ErrUnasked    Error = "101 from the proxy: a switch of protocols that plug did not request"
)

func (e Error) Error() string { return string(e) }

// Refusal is a reply whose status is not a success.
type Refusal struct {
	Status int    // three digits
	Reason string // printable ASCII, at most MaxReason bytes, may be empty
}

// Error is the status and the reason, "407 Proxy Authentication Required".
func (r *Refusal) Error() string {
	var digits [3]byte
	for i, n := len(digits)-1, r.Status; i >= 0; i, n = i-1, n/10 {
		digits[i] = byte('0' + n%10)
	}
	if r.Reason == "" {
		return string(digits[:])
	}
	return string(digits[:]) + " " + r.Reason
}
