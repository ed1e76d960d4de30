package metrics

import (
	"context"

	"daemon/plug/supervisor/control"
)

// Conversation is one with a master, as a *control.Client has it. It is for one
// goroutine.
type Conversation interface {
	Do(request control.Request, each func(control.Reply)) error
	Close()
}

// Over asks in a conversation of its own each time, so that the plug may be
// started anew meanwhile.
func Over(dial func() (Conversation, error)) Ask {
	return func(ctx context.Context, request control.Request, take func(*control.Reply) error) error {
		ctx, enough := context.WithCancel(ctx)
		defer enough()
		replies, done := make(chan control.Reply), make(chan error, 1)
		// A conversation has deadlines between its lines alone, so the context
		// may end first; what still comes then is nobody's.
		go func() { done <- converse(ctx, dial, request, replies) }()
		for {
			select {
			case r := <-replies:
				if err := take(&r); err != nil {
					return err
				}
			case err := <-done:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func converse(ctx context.Context, dial func() (Conversation, error), request control.Request, replies chan<- control.Reply) error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Do(request, func(r control.Reply) {
		select {
		case replies <- r:
		case <-ctx.Done():
		}
	})
}
