// Asking a plug through a new connection each time.

package metrics

import (
	"context"

	"daemon/plug/supervisor/control"
)

// Conversation is a connection to a master, such as *control.Client. It must
// be used by only one goroutine.
type Conversation interface {
	Do(request control.Request, each func(control.Reply)) error
	Close()
}

// Over uses a new connection for each request, so that the plug may be
// restarted in between.
func Over(dial func() (Conversation, error)) Ask {
	return func(ctx context.Context, request control.Request, take func(*control.Reply) error) error {
		ctx, enough := context.WithCancel(ctx)
		defer enough()
		replies, done := make(chan control.Reply), make(chan error, 1)
		// A conversation has only deadlines per line, so the context may end
		// first; later replies are ignored.
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
