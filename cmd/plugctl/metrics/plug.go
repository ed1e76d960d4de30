// A plug that is asked: its name, its status and its metrics.

package metrics

import (
	"context"
	"sync"

	"daemon/plug/supervisor/control"
)

// Plug is a plug that the exporter asks.
type Plug struct {
	Place string // its control socket or pidfile, as on the command line
	Ask   Ask

	mu    sync.Mutex
	label string // the name from its own answer; "" before the first one
}

// answer is a plug's data for a scrape.
type answer struct {
	metrics *control.Metrics
	status  *control.Status
	err     error
}

// numbers gets a plug's data for a scrape.
func (p *Plug) numbers(ctx context.Context) (a answer) {
	if a.metrics, a.err = p.Ask.metrics(ctx); a.err == nil {
		a.status, a.err = p.status(ctx)
	}
	return a
}

// status gets the plug's status, and from it the plug's name.
func (p *Plug) status(ctx context.Context) (*control.Status, error) {
	s, err := p.Ask.status(ctx)
	if err == nil {
		p.mu.Lock()
		p.label = s.Label
		p.mu.Unlock()
	}
	return s, err
}

// called is the plug's label, or its place before the label is known.
func (p *Plug) called() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.label == "" {
		return p.Place
	}
	return p.label
}

// askAll asks all plugs at the same time: one that does not answer does not
// delay the others.
func askAll(ctx context.Context, plugs []*Plug) []answer {
	answers := make([]answer, len(plugs))
	var all sync.WaitGroup
	for i, p := range plugs {
		all.Go(func() { answers[i] = p.numbers(ctx) })
	}
	all.Wait()
	return answers
}

// nameIn is the label of plug i. Plugs may listen on the same port of
// different addresses or namespaces; then the place distinguishes them.
func nameIn(plugs []*Plug, i int) string {
	name := plugs[i].called()
	for j, other := range plugs {
		if j != i && other.called() == name {
			return name + "@" + plugs[i].Place
		}
	}
	return name
}
