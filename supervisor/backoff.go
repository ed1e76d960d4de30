// The pause before a failed operation is tried again: it doubles each time, up to
// a limit.

package supervisor

import "time"

// backoff slows down an operation that fails repeatedly.
type backoff struct {
	trouble time.Duration // pause before the next try; doubles each time
	until   time.Time     // no try before
	said    bool          // the failure has been logged
}

const (
	firstTrouble = 50 * time.Millisecond
	mostTrouble  = 2 * time.Second
)

// pause doubles the time before the next try, after a failure. Failures of tries
// that were in progress together count as one.
func (b *backoff) pause(now time.Time) time.Duration {
	if now.Before(b.until) {
		return b.trouble
	}
	b.trouble = min(max(2*b.trouble, firstTrouble), mostTrouble)
	b.until = now.Add(b.trouble)
	return b.trouble
}

// release resets the backoff after a success.
func (b *backoff) release() { b.trouble, b.said = 0, false }
