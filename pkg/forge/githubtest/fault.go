package githubtest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FaultKind is a way in which a request goes wrong.
type FaultKind string

// The kinds of fault.
const (
	// ServerError is a 500 with an empty body [rest-api-description#714].
	ServerError FaultKind = "500"
	// BadGateway is a 502 with the HTML of a proxy, as seen in outages.
	BadGateway FaultKind = "502"
	// Unavailable is a 503 with JSON.
	Unavailable FaultKind = "503"
	// Reset closes the connection with a TCP reset and no answer. Mind that Go's
	// http.Transport repeats a GET by itself when that happens to a connection that
	// it used before.
	Reset FaultKind = "reset"
	// Hang answers nothing until the client gives up or the server is closed.
	Hang FaultKind = "hang"
	// Truncated sends half of the body that it announced, then closes.
	Truncated FaultKind = "truncated"
	// HTML is a 200 with an HTML page, as captive portals and proxies answer.
	HTML FaultKind = "html"
	// SecondaryLimit is a 403 with Retry-After [docs: rate limits for the REST API,
	// about secondary rate limits].
	SecondaryLimit FaultKind = "secondary limit"
	// PrimaryLimit is a 403 with X-RateLimit-Remaining: 0 and a reset time.
	PrimaryLimit FaultKind = "primary limit"
	// TooManyRequests is a 429 with Retry-After; GitHub uses it like 403.
	TooManyRequests FaultKind = "429"
	// Unauthorized is a 401 with "Bad credentials".
	Unauthorized FaultKind = "401"
	// Forbidden is a 403 for a token that lacks a permission.
	Forbidden FaultKind = "403"
)

// Fault says which requests go wrong, and how. All conditions must hold; one that
// is left at its zero value always does. API and Git requests are alike.
type Fault struct {
	Kind FaultKind
	// After lets the request have its effect first, and then spoils the answer.
	// Truncated always does.
	After bool

	Request int                        // only the n-th request after this call of Fail, counted from 1
	Method  string                     // GET, POST, …
	Path    string                     // a part of the escaped path
	Match   func(r *http.Request) bool // anything else; must not read the body
	Skip    int                        // let so many matching requests pass first
	Times   int                        // how many requests fail; 0 is one, -1 is all

	RetryAfter time.Duration // for the limits; a minute when zero
}

// plannedFault counts for one Fault.
type plannedFault struct {
	Fault
	seen    int // requests since Fail
	matched int
	used    int
}

// Fail adds faults to the plan. The first one that matches a request applies.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &plannedFault{Fault: f})
	}
}

// Heal forgets all faults that are still planned.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault returns what is to go wrong with this request, if anything.
func (s *Server) fault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit *Fault
	for _, planned := range s.faults {
		planned.seen++
		if hit == nil && planned.strikes(r) {
			hit = &planned.Fault
		}
	}
	return hit
}

// strikes says whether the fault applies now, and counts.
func (p *plannedFault) strikes(r *http.Request) bool {
	if p.Request != 0 && p.seen != p.Request {
		return false
	}
	if p.Method != "" && p.Method != r.Method || !strings.Contains(r.URL.EscapedPath(), p.Path) {
		return false
	}
	if p.Match != nil && !p.Match(r) {
		return false
	}
	p.matched++
	if p.matched <= p.Skip || p.Times >= 0 && p.used >= max(p.Times, 1) {
		return false
	}
	p.used++
	return true
}

// spoil sends what a fault makes of an answer. The honest answer is nil when the
// fault came first.
func (s *Server) spoil(w http.ResponseWriter, r *http.Request, f *Fault, honest *answer) {
	switch f.Kind {
	case Reset:
		reset(w)
	case Hang:
		s.hang(r)
		reset(w)
	case Truncated:
		truncate(w, honest)
	default:
		s.sendFault(w, f)
	}
}

func (s *Server) sendFault(w http.ResponseWriter, f *Fault) {
	header := w.Header()
	header.Set("Content-Type", jsonType)
	wait := f.RetryAfter
	if wait == 0 {
		wait = time.Minute
	}
	seconds := strconv.Itoa(int(wait / time.Second))
	status, body := 500, ""
	switch f.Kind {
	case BadGateway:
		header.Set("Content-Type", "text/html; charset=utf-8")
		status, body = 502, "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>\n"
	case HTML:
		header.Set("Content-Type", "text/html; charset=utf-8")
		status, body = 200, "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"
	case Unavailable:
		status, body = 503, `{"message":"We couldn't respond to your request in time. Sorry about that."}`
	case Unauthorized:
		status, body = 401, `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`
		header.Set("WWW-Authenticate", `Basic realm="GitHub"`)
	case Forbidden:
		status, body = 403, `{"message":"Resource not accessible by integration","documentation_url":"https://docs.github.com/rest","status":"403"}`
	case SecondaryLimit, TooManyRequests:
		header.Set("Retry-After", seconds)
		status, body = 403, secondaryLimitBody
		if f.Kind == TooManyRequests {
			status = 429
		}
	case PrimaryLimit:
		header.Set("X-RateLimit-Remaining", "0")
		header.Set("X-RateLimit-Reset", strconv.FormatInt(s.Now().Add(wait).Unix(), 10))
		status, body = 403, `{"message":"API rate limit exceeded for user ID 1.","documentation_url":"`+rateLimitURL+`"}`
	}
	header.Set("Date", s.Now().Format(http.TimeFormat))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

const (
	rateLimitURL       = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
	secondaryLimitBody = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",` +
		`"documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
)

// reset closes the connection so that the client reads a connection reset.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// hang waits until the client or the server goes away. The body was read
// already, without which net/http would not notice the client going.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.done:
	}
}

// truncate announces the whole body and sends half of it.
func truncate(w http.ResponseWriter, honest *answer) {
	hijacker, ok := w.(http.Hijacker)
	if !ok || honest == nil || len(honest.body) == 0 {
		reset(w)
		return
	}
	conn, buffer, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(buffer, "HTTP/1.1 %d %s\r\n", honest.status, http.StatusText(honest.status))
	header := honest.header.Clone()
	header.Set("Content-Length", strconv.Itoa(len(honest.body)))
	_ = header.Write(buffer)
	_, _ = buffer.WriteString("\r\n")
	_, _ = buffer.Write(honest.body[:len(honest.body)/2])
	_ = buffer.Flush()
}
