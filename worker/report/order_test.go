// Tests of the orders: whole, in pieces, cut, and unknown to the reader.

package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// obeyed returns the orders read from p, which is cut into pieces of any size.
func obeyed(p []byte) (all []string) {
	var o Orders
	for _, b := range p {
		switch order, ok := o.Next(b); {
		case !ok:
		case order == Kill:
			all = append(all, fmt.Sprintf("k %d %d", o.Row, o.Epoch))
		case order == Listen || order == Leave:
			all = append(all, fmt.Sprintf("%c %d", order, o.Number))
		default:
			all = append(all, string(rune(order)))
		}
	}
	return all
}

func TestKill(t *testing.T) {
	for _, c := range []struct {
		row   uint32
		epoch uint64
	}{{0, 0}, {7, 42}, {1<<32 - 1, 1<<40 - 1}, {4096, 9_999_999}} {
		p := AppendKill([]byte("n"), c.row, c.epoch)
		p = append(p, 'd')
		if got, want := obeyed(p), []string{"n", fmt.Sprintf("k %d %d", c.row, c.epoch), "d"}; !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", p, got, want)
		}
		if len(p) != 2+1+killDigits {
			t.Errorf("%q has %d bytes", p, len(p))
		}
	}
}

// An incomplete order is dropped, and the orders after it are obeyed.
func TestKillCut(t *testing.T) {
	whole := AppendKill(nil, 123, 456)
	for cut := 1; cut < len(whole); cut++ {
		p := append(slices.Clone(whole[:cut]), "gn"...)
		p = AppendKill(p, 7, 8)
		if got := obeyed(p); !slices.Equal(got, []string{"g", "n", "k 7 8"}) {
			t.Errorf("%q: %v", p, got)
		}
		p = append(slices.Clone(whole[:cut]), AppendKill(nil, 7, 8)...)
		if got := obeyed(p); !slices.Equal(got, []string{"k 7 8"}) {
			t.Errorf("%q: %v", p, got)
		}
	}
}

// A worker that does not know Kill finds no other order in it.
func TestKillIsNoOtherOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		for _, b := range AppendKill(nil, rng.Uint32(), rng.Uint64()&(1<<40-1)) {
			switch Order(b) {
			case Nudge, Gate, Drain, Session, Follow, Listen, Leave:
				t.Fatalf("%q in a kill", b)
			}
		}
	}
}

// Orders with a number, whole and cut, between others.
func TestNumbered(t *testing.T) {
	for _, order := range []Order{Listen, Leave} {
		for _, number := range []uint32{0, 7, 1<<32 - 1} {
			p := AppendNumbered([]byte("g"), order, number)
			p = AppendKill(p, 1, 2)
			if got, want := obeyed(append(p, 'n')), []string{"g", fmt.Sprintf("%c %d", order, number), "k 1 2", "n"}; !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		}
		whole := AppendNumbered(nil, order, 123)
		for cut := 1; cut < len(whole); cut++ {
			p := AppendNumbered(append(slices.Clone(whole[:cut]), 'g'), order, 5)
			if got, want := obeyed(p), []string{"g", fmt.Sprintf("%c 5", order)}; !slices.Equal(got, want) {
				t.Errorf("%q: %v, want %v", p, got, want)
			}
		}
	}
}
