package board

// logInterval is how long a shortage that goes on is not said again, in ms.
const logInterval = 10_000

// ShouldLog reports whether a shortage should be said now, at the board's millisecond:
// one process of the plug says it, once in a while.
func (b *Board) ShouldLog(what int, now uint64) bool {
	last := b.State.LogTimes[what].Load()
	return (last == 0 || now > last+logInterval) && b.State.LogTimes[what].CompareAndSwap(last, now)
}
