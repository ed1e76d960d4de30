// TestLastBytes: scenarios, made from a seed.

package lastbytes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A scenario is what a client and a target do with one connection: each side
// acts according to a script and reads in its own way, both at the same time.
// It is made from a seed, so the seed is enough to repeat it.
type scenario struct {
	name           string // of a scenario that was not made from a seed
	seed           uint64
	client, target part
	late           bool // the target accepts only when the client has finished its script
}

// part is one side's script. Unless the script says how the side ends, the
// side half-closes after its last step, reads to the end, and closes.
type part struct {
	acts  []step
	reads intake
}

// step is one line of a script.
type step struct {
	do verb
	n  int
}

type verb string

const (
	sends  verb = "send"   // n bytes
	crams  verb = "cram"   // up to n bytes, until the kernel accepts no more for a short time
	urges  verb = "urgent" // n bytes with MSG_OOB: the last one is urgent
	acked  verb = "acked"  // wait until everything sent is acknowledged (SIOCOUTQ)
	gets   verb = "get"    // wait until n bytes in total have come, or the other side's end
	rests  verb = "rest"   // wait until the other side sends nothing for a short time
	breaks verb = "break"  // wait until the connection is broken
	fins   verb = "fin"    // half-close
	resets verb = "reset"  // close with SO_LINGER 0, which ends the side
	closes verb = "close"  // close even if there is unread data, which ends the side
)

// intake is how a side reads.
type intake struct {
	never bool          // a side that ends the connection itself need not read
	late  bool          // only while the other side sends nothing for a short time
	piece int           // bytes at a time; 0: as they come
	pause time.Duration // after each piece
	room  int           // SO_RCVBUF; 0: the system's default
}

// mostSent is the maximum number of bytes that a side sends, without urgent
// ones.
const mostSent = 8 << 20

// scenarioOf makes the scenario of a seed.
func scenarioOf(seed uint64) scenario {
	r := chance{rand.New(rand.NewPCG(seed, 18))}
	ends := [][2]verb{{fins, fins}, {fins, resets}, {resets, fins}, {fins, closes}, {closes, fins}, {resets, resets}, {closes, resets}, {resets, closes}}
	end := ends[r.weighted(28, 20, 20, 9, 9, 6, 4, 4)]
	s := scenario{seed: seed, late: r.in(15)}
	c, t := r.sending(), r.sending()
	s.client, s.target = r.part(end[0], c, bytesOf(t)), r.part(end[1], t, bytesOf(c))
	r.pace(&s.client.reads, bytesOf(s.target.acts))
	r.pace(&s.target.reads, bytesOf(s.client.acts))
	r.waitForBreak(&s.client, s.target)
	r.waitForBreak(&s.target, s.client)
	return s
}

// chance makes random choices.
type chance struct{ *rand.Rand }

// in is true in percent of a hundred cases.
func (r chance) in(percent int) bool { return r.IntN(100) < percent }

// weighted chooses an index by its weight.
func (r chance) weighted(weights ...int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := r.IntN(sum)
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	return 0
}

// size is from 1 byte to max: 1 to 2 bytes are as frequent as 1 to 2 MiB.
func (r chance) size(max int) int {
	return min(max, int(math.Exp2(r.Float64()*math.Log2(float64(max+1)))))
}

// sending is what one side sends.
func (r chance) sending() (acts []step) {
	if r.in(12) {
		return nil
	}
	for rest := r.size(mostSent); rest > 0; {
		n := rest
		if len(acts) < 3 && r.in(50) {
			n = 1 + r.IntN(rest)
		}
		acts, rest = append(acts, step{sends, n}), rest-n
	}
	if r.in(30) {
		for range 1 + r.IntN(3) {
			acts = slices.Insert(acts, r.IntN(len(acts)+1), step{urges, 1 + r.IntN(2)*r.IntN(5)})
		}
	}
	return acts
}

// bytesOf is the number of bytes that the acts send.
func bytesOf(acts []step) (n int) {
	for _, a := range acts {
		switch a.do {
		case sends, crams, urges:
			n += a.n
		}
	}
	return n
}

// part is a side's whole script: what it sends, where it waits for what the
// other side sends, and its end.
func (r chance) part(end verb, acts []step, coming int) (p part) {
	p.acts = slices.Clone(acts)
	p.reads.never = end != fins && r.in(30)
	waits := func() step { return step{gets, 1 + r.IntN(coming)} }
	if coming > 0 && !p.reads.never && r.in(35) {
		w := waits()
		if r.in(50) {
			w.n = coming
		}
		p.acts = slices.Insert(p.acts, r.IntN(len(p.acts)+1), w)
	}
	add := func(acts ...step) { p.acts = append(p.acts, acts...) }
	switch end {
	case fins:
		if r.in(15) {
			add(step{do: rests})
		}
	case resets:
		switch r.weighted(25, 30, 15, 15, 15) {
		case 1:
			add(step{do: acked})
		case 2:
			add(step{do: rests})
		case 3:
			add(step{crams, mostSent - bytesOf(p.acts) + 1})
		case 4:
			add(step{do: fins}, step{do: []verb{acked, rests}[r.IntN(2)]})
		}
		add(step{do: resets})
	case closes:
		switch r.weighted(30, 30, 20, 20) {
		case 1:
			add(step{do: acked})
		case 2:
			add(step{do: rests})
		case 3:
			if coming > 0 && !p.reads.never {
				add(waits())
			}
		}
		add(step{do: closes})
	}
	return p
}

// pace is how a side reads that will receive at most this many bytes.
func (r chance) pace(w *intake, coming int) {
	if w.never {
		return
	}
	w.late = r.in(25)
	if r.in(35) {
		w.piece = max(1, coming/(3+r.IntN(20)))
		w.pause = time.Duration(1+r.IntN(8)) * time.Millisecond
	}
	if coming < 1<<20 && r.in(25) {
		w.room = 16<<10 + r.IntN(64<<10)
	}
}

// waitForBreak makes some sides that get a half-close and then a reset wait
// for the reset. A side that half-closes, too, need not see it, since it has
// seen the end.
func (r chance) waitForBreak(p *part, other part) {
	if p.end() == fins && other.end() == resets && other.does(fins) && r.in(60) {
		p.acts = append(p.acts, step{do: breaks})
	}
}

// end is how a side ends.
func (p part) end() verb {
	if n := len(p.acts); n > 0 && (p.acts[n-1].do == resets || p.acts[n-1].do == closes) {
		return p.acts[n-1].do
	}
	return fins
}

func (p part) does(v verb) bool {
	return slices.ContainsFunc(p.acts, func(a step) bool { return a.do == v })
}

func (s scenario) String() string {
	name := s.name
	if name == "" {
		name = fmt.Sprintf("scenario %d", s.seed)
	}
	late := ""
	if s.late {
		late = "; accepted late"
	}
	return fmt.Sprintf("%s: client %v; target %v%s", name, s.client, s.target, late)
}

func (p part) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, a := range p.acts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(a.do))
		if a.n > 0 {
			fmt.Fprintf(&b, " %d", a.n)
		}
	}
	b.WriteString("] reads")
	w := p.reads
	if w.never {
		b.WriteString(" nothing")
	}
	if w.late {
		b.WriteString(" late")
	}
	if w.pause > 0 {
		fmt.Fprintf(&b, " %d bytes every %v", w.piece, w.pause)
	}
	if w.room > 0 {
		fmt.Fprintf(&b, " with SO_RCVBUF %d", w.room)
	}
	return strings.Replace(b.String()+";", "reads;", "reads at once", 1)
}
