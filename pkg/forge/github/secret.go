package github

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// secret is the token.
type secret string

// String keeps the token out of whatever prints a value that holds it.
func (secret) String() string { return "***" }

// GoString is for %#v.
func (secret) GoString() string { return "***" }

// remove takes the token out of a text. A server can echo a request.
func (s secret) remove(text string) string {
	if s == "" {
		return text
	}
	text = strings.ReplaceAll(text, string(s), "***")
	return strings.ReplaceAll(text, url.QueryEscape(string(s)), "***")
}

// clean takes the token out of an answer before anything cuts or rewrites it.
func (s secret) clean(resp *http.Response, data []byte) []byte {
	for _, values := range resp.Header {
		for i := range values {
			values[i] = s.remove(values[i])
		}
	}
	return []byte(s.remove(string(data)))
}

// guard returns a trace function that never sees the token and is never nil.
func (s secret) guard(trace func(string, ...any)) func(string, ...any) {
	if trace == nil {
		return func(string, ...any) {}
	}
	return func(format string, args ...any) {
		trace("%s", s.remove(fmt.Sprintf(format, args...)))
	}
}
