// The pause before something is tried again that has gone wrong: it doubles each
// time, up to a bound.

package supervisor

import "time"

// backoff slows down what goes wrong again and again.
type backoff struct {
	trouble time.Duration // pause before the next try; doubles each time
	until   time.Time     // no try before
	said    bool          // that it goes wrong
}

const (
	firstTrouble = 50 * time.Millisecond
	mostTrouble  = 2 * time.Second
)

// pause doubles the time before the next try, after one that went wrong; those
// that were on their way together count as one.
func (b *backoff) pause(now time.Time) time.Duration {
	if now.Before(b.until) {
		return b.trouble
	}
	b.trouble = min(max(2*b.trouble, firstTrouble), mostTrouble)
	b.until = now.Add(b.trouble)
	return b.trouble
}

// release is for a try that went well.
func (b *backoff) release() { b.trouble, b.said = 0, false }
