package github

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
)

// settleTime is how long a mutation that is under way, and each reading back of
// its effect, may go on after the caller has given up.
const settleTime = 2500 * time.Millisecond

// mutation is a change that is sent once, and once more only when its outcome
// was unknown and its effect is provably absent.
type mutation struct {
	send  func(context.Context) error
	there func(context.Context) (bool, error) // is the effect there?
	once  bool                                // not even then
}

// mutate returns nil when the change was made, unknownError when that cannot be
// told, and else the service's answer. A change that is under way when ctx ends is
// finished and read back, within bounds; none is begun after that.
func (c *Client) mutate(ctx context.Context, m mutation) error {
	for again := false; ; again = true {
		err := c.sendOnce(ctx, m)
		if err == nil || !outcomeUnknown(err) {
			return err
		}
		there, readErr := c.readBack(ctx, m)
		if there {
			return nil
		}
		if readErr != nil {
			return &unknownError{cause: err, readBack: readErr}
		}
		if again || m.once || ctx.Err() != nil {
			return &unknownError{cause: err}
		}
	}
}

// sendOnce sends a mutation until it was not turned away by a rate limit.
func (c *Client) sendOnce(ctx context.Context, m mutation) error {
	for {
		if err := ctx.Err(); err != nil {
			return &unsentError{cause: err}
		}
		settled, cancel := outlive(ctx)
		err := m.send(settled)
		cancel()
		var limit *limitError
		if !errors.As(err, &limit) {
			return err
		}
		if !c.pacer.wait(ctx, limit.wait, limit) && ctx.Err() == nil {
			return err
		}
		if !m.once {
			continue
		}
		// A limit means that nothing was done. What must not be there twice is looked
		// for all the same.
		if there, err := c.readBack(ctx, m); there || err != nil {
			return err
		}
	}
}

func (c *Client) readBack(ctx context.Context, m mutation) (bool, error) {
	settled, cancel := outlive(ctx)
	defer cancel()
	return m.there(settled)
}

// outlive returns a context that ends settleTime after ctx does.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	settled, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(settleTime, cancel)
		context.AfterFunc(settled, func() { timer.Stop() })
	})
	return settled, func() {
		stop()
		cancel()
	}
}

// outcomeUnknown says whether a mutation that failed so may have been made. It
// was not when it was never sent, and when the service said no.
func outcomeUnknown(err error) bool {
	var unsent *unsentError
	var limit *limitError
	var graph *graphqlError
	switch {
	case errors.As(err, &unsent), errors.As(err, &limit), errors.Is(err, errNoGraphQL), notSent(err):
		return false
	case errors.As(err, &graph):
		return graph.internal()
	}
	code := status(err)
	return code == 0 || serverFailed(code)
}

// unsentError is a mutation that the caller gave up before it was sent.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return "not sent: " + e.cause.Error() }

func (e *unsentError) Unwrap() error { return e.cause }

// unknownError is a mutation of which nobody can say whether it was made.
type unknownError struct {
	cause    error
	readBack error // why the effect could not be read back; nil when it was not there
}

func (e *unknownError) Error() string {
	if e.readBack != nil {
		return fmt.Sprintf("whether it happened is not known: %s; reading it back: %s", words(e.cause), words(e.readBack))
	}
	return "whether it happened is not known, its effect was not there when it was read back: " + words(e.cause)
}

func (e *unknownError) Unwrap() error { return forge.ErrTransient }
