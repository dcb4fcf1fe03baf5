package github

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// pacer spends the time that a call may wait.
type pacer struct {
	sleep   func(context.Context, time.Duration) error
	random  func() float64
	maxWait time.Duration
	trace   func(format string, args ...any)
}

// allowance is the waiting time that is left to one call of a method.
type allowance struct {
	mu   sync.Mutex
	left time.Duration
}

func (a *allowance) take(d time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d > a.left {
		return false
	}
	a.left -= d
	return true
}

type allowanceKey struct{}

// begin gives a call of a public method its waiting time. What the method does
// shares it.
func (c *Client) begin(ctx context.Context) context.Context {
	return context.WithValue(ctx, allowanceKey{}, &allowance{left: c.pacer.maxWait})
}

// wait sleeps when the call's time allows it. It returns false when it does not,
// and when the context ended.
func (p *pacer) wait(ctx context.Context, d time.Duration, why error) bool {
	left, ok := ctx.Value(allowanceKey{}).(*allowance)
	if !ok || ctx.Err() != nil || !left.take(d) {
		return false
	}
	p.trace("waiting %s: %v", d, why)
	return p.sleep(ctx, d) == nil
}

// backOff waits with full jitter before the next attempt, or for as long as the
// server asked for when that is longer.
func (p *pacer) backOff(req *http.Request, attempt int, resp *http.Response, cause error) bool {
	ceiling := min(firstDelay<<(attempt-1), longDelay)
	delay := time.Duration(p.random() * float64(ceiling))
	if resp != nil {
		if after, stated := retryAfter(resp); stated {
			delay = max(delay, after)
		}
	}
	return p.wait(req.Context(), delay, cause)
}

// waitForLimit waits until a rate limit is over before a read goes on. A mutation
// gets the limit as its answer: whether to go on is for the caller of [Client] to
// say by then, and only mutate knows the caller's context.
func (p *pacer) waitForLimit(req *http.Request, limit *limitError) error {
	if !isRead(req.Method) || !p.wait(req.Context(), limit.wait, limit) {
		if err := req.Context().Err(); err != nil {
			return err
		}
		return limit
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
