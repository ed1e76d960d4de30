package board

// sayAgain is how long a shortage that goes on is not said again, in ms.
const sayAgain = 10_000

// Say tells whether a shortage should be said now, at the board's millisecond:
// one process of the plug says it, once in a while.
func (b *Board) Say(what int, now uint64) bool {
	last := b.State.Said[what].Load()
	return (last == 0 || now > last+sayAgain) && b.State.Said[what].CompareAndSwap(last, now)
}
