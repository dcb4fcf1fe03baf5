package promotion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// The pauses between two looks at a promotion that waits: short at first, then up
// to a minute. Half an hour of waiting is some thirty looks.
const (
	firstPause = 10 * time.Second
	longPause  = time.Minute
)

// poll looks again and again until the answer is something else than "not yet",
// for as long as limit says; with limit 0 it looks once. When a gate says that it
// opens later than that, it does not wait. The error is that
// of the last look, or that of ctx when it ended in between.
func (s Source) poll(ctx context.Context, limit time.Duration, look func(context.Context) error) error {
	pause := firstPause
	for left := limit; ; {
		err := look(ctx)
		if err == nil || ctx.Err() != nil || !notYet(err) || left <= 0 {
			return err
		}
		next := min(s.jitter(pause), left)
		if opens := s.opensIn(err); opens > left {
			return err // nothing that happens meanwhile can open it
		} else if opens > 0 {
			next = min(next, opens)
		}
		if s.Waiting != nil {
			s.Waiting(err, next)
		}
		if err := s.Sleep(ctx, next); err != nil {
			return fmt.Errorf("waiting: %w", err)
		}
		left -= next
		pause = min(pause*3/2, longPause)
	}
}

// opensIn is how long what is pending stays so at least, by the service's clock; 0
// when that is not known. It is a moment longer than that, so that the next look
// comes after it.
func (s Source) opensIn(err error) time.Duration {
	var blocked *Blocked
	if !errors.As(err, &blocked) || blocked.Until.IsZero() {
		return 0
	}
	return max(blocked.Until.Sub(s.Forge.Now()), 0) + time.Second
}

// jitter varies a pause by a tenth either way, so that runs that started together
// do not ask together for ever.
func (s Source) jitter(pause time.Duration) time.Duration {
	if s.Random == nil {
		return pause
	}
	return pause + time.Duration((s.Random()-0.5)/5*float64(pause))
}

// notYet says whether the same question can have another answer later without
// anybody changing the promotion.
func notYet(err error) bool {
	var blocked *Blocked
	if !errors.As(err, &blocked) {
		return errors.Is(err, forge.ErrTransient)
	}
	switch blocked.State {
	case gate.Pending:
		return true
	case gate.Unknown:
		return !errors.Is(blocked.Cause, forge.ErrAccess) && !errors.Is(blocked.Cause, gate.ErrUndecidable)
	}
	return false
}
