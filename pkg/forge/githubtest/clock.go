package githubtest

import (
	"sync"
	"time"
)

// epoch is where the clock starts when Options says nothing, so that a run
// gives the same dates, and with them the same commits, every time.
func epoch() time.Time { return time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC) }

// clock is the server's time: a source that stands still or runs, plus what
// Advance added.
type clock struct {
	source func() time.Time

	mu     sync.Mutex
	offset time.Duration
}

func newClock(opts Options) *clock {
	if opts.Now != nil {
		return &clock{source: opts.Now}
	}
	start := opts.Start
	if start.IsZero() {
		start = epoch()
	}
	return &clock{source: func() time.Time { return start }}
}

// now is in whole seconds, as every time in GitHub's answers is.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source().Add(c.offset).UTC().Truncate(time.Second)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Now is the time on the server's clock, in whole seconds: the Date header of
// its answers and every date inside them.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the server's clock forward by d.
func (s *Server) Advance(d time.Duration) { s.clock.advance(d) }

// stamp writes a time as GitHub does.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// stampOrNull writes a time, or null for the zero time.
func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}
