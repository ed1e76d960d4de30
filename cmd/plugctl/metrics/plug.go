package metrics

import (
	"context"
	"sync"

	"daemon/plug/supervisor/control"
)

// Plug is one that is asked.
type Plug struct {
	Place string // its control socket or pidfile, as it was named
	Ask   Ask

	mu    sync.Mutex
	label string // as it has called itself; "" before its first answer
}

// answer is what a scrape shows of one plug.
type answer struct {
	metrics *control.Metrics
	status  *control.Status
	err     error
}

// numbers asks for what a scrape shows.
func (p *Plug) numbers(ctx context.Context) (a answer) {
	if a.metrics, a.err = p.Ask.metrics(ctx); a.err == nil {
		a.status, a.err = p.status(ctx)
	}
	return a
}

// status asks for it, and learns what the plug is called.
func (p *Plug) status(ctx context.Context) (*control.Status, error) {
	s, err := p.Ask.status(ctx)
	if err == nil {
		p.mu.Lock()
		p.label = s.Label
		p.mu.Unlock()
	}
	return s, err
}

// called is the plug's label, or its place before that is known.
func (p *Plug) called() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.label == "" {
		return p.Place
	}
	return p.label
}

// askAll asks all plugs at the same time: one that does not answer holds up no
// other.
func askAll(ctx context.Context, plugs []*Plug) []answer {
	answers := make([]answer, len(plugs))
	var all sync.WaitGroup
	for i, p := range plugs {
		all.Go(func() { answers[i] = p.numbers(ctx) })
	}
	all.Wait()
	return answers
}

// nameIn is the label of plug i. Plugs may listen on the same port of different
// addresses or namespaces: then the place tells them apart.
func nameIn(plugs []*Plug, i int) string {
	name := plugs[i].called()
	for j, other := range plugs {
		if j != i && other.called() == name {
			return name + "@" + plugs[i].Place
		}
	}
	return name
}
