// Rate-limited logging: a message about a shortage is logged once for all
// processes of a plug.

package board

// logInterval is how long a message about a lasting shortage is not repeated,
// in ms.
const logInterval = 10_000

// ShouldLog reports whether to log a message about a shortage at the board's
// millisecond now: one process of the plug does, once per logInterval.
func (b *Board) ShouldLog(what int, now uint64) bool {
	last := b.State.LogTimes[what].Load()
	return (last == 0 || now > last+logInterval) && b.State.LogTimes[what].CompareAndSwap(last, now)
}
