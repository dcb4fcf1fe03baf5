package github

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// secrets are the tokens that a client has used.
type secrets struct {
	mu    sync.Mutex
	texts []string
}

// String keeps the tokens out of whatever prints a value that holds them.
func (*secrets) String() string { return "***" }

// GoString is for %#v.
func (*secrets) GoString() string { return "***" }

// add is told of a token before it is sent for the first time.
func (s *secrets) add(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" && !slices.Contains(s.texts, token) {
		s.texts = append(s.texts, token)
	}
}

// remove takes the tokens out of a text. A server can echo a request.
func (s *secrets) remove(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.texts {
		text = strings.ReplaceAll(text, secret, "***")
		text = strings.ReplaceAll(text, url.QueryEscape(secret), "***")
	}
	return text
}

// clean takes the tokens out of an answer before anything cuts or rewrites it.
func (s *secrets) clean(resp *http.Response, data []byte) []byte {
	for _, values := range resp.Header {
		for i := range values {
			values[i] = s.remove(values[i])
		}
	}
	return []byte(s.remove(string(data)))
}

// guard returns a trace function that never sees the tokens and is never nil.
func (s *secrets) guard(trace func(string, ...any)) func(string, ...any) {
	if trace == nil {
		return func(string, ...any) {}
	}
	return func(format string, args ...any) {
		trace("%s", s.remove(fmt.Sprintf(format, args...)))
	}
}
