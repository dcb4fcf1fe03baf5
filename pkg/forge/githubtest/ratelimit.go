package githubtest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The primary rate limit [docs: rate limits for the REST API]: so many requests
// an hour and user, told in headers.
const (
	reportedLimit = 5000
	limitWindow   = time.Hour
)

// spend counts a request, and refuses it when the limit is enforced and used up.
func (s *Server) spend(c caller) error {
	if c.token == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	if c.token.window.IsZero() || !now.Before(c.token.window.Add(limitWindow)) {
		c.token.window, c.token.used = now, 0
	}
	if s.opts.RateLimit > 0 && c.token.used >= s.opts.RateLimit {
		return &Error{
			Status: 403, URL: rateLimitURL,
			Message: fmt.Sprintf("API rate limit exceeded for user ID %d.", c.token.owner.id),
		}
	}
	c.token.used++
	return nil
}

// refund takes back what a 304 cost.
func (s *Server) refund(c caller) {
	if c.token == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.token.used--
}

// limits sets the rate limit's headers.
func (s *Server) limits(header http.Header, c caller) {
	if s.opts.RateLimit < 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	limit, used, window := reportedLimit, 0, s.clock.now()
	if s.opts.RateLimit > 0 {
		limit = s.opts.RateLimit
	}
	if c.token != nil {
		used, window = c.token.used, c.token.window
	}
	if s.opts.RateLimit == 0 {
		used = min(used, limit-1)
	}
	header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(limit-used, 0)))
	header.Set("X-RateLimit-Used", strconv.Itoa(used))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(window.Add(limitWindow).Unix(), 10))
	header.Set("X-RateLimit-Resource", "core")
}
