package github

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds one answer, after decompression.
const maxAnswer = 32 << 20

// newTransport builds the chain that each request goes through: the token, then
// retry and rate limits, then, if asked for, a question whether an earlier answer
// still holds, then one bounded and complete answer, then a last look at where the
// token goes.
func (c *Client) newTransport(opts Options, authorize func(ctx context.Context, refused string) (string, error)) http.RoundTripper {
	base := opts.Transport
	if base == nil {
		base = newBaseTransport()
	}
	timeout := opts.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	guard := &guard{next: base, api: c.endpoint.api}
	answers := http.RoundTripper(&reader{next: guard, timeout: timeout, limit: maxAnswer, clock: c.clock, secrets: c.secrets})
	if opts.Revalidate {
		answers = &revalidator{next: answers, known: map[string]knownAnswer{}}
	}
	return &signer{next: &retrier{next: answers, pacer: c.pacer}, authorize: authorize, secrets: c.secrets}
}

func newBaseTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  25 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    4,
		MaxResponseHeaderBytes: 1 << 20,
		ForceAttemptHTTP2:      true,
	}
}

// signer adds the token to requests. When it is refused and there is another one,
// as for an App's token that has expired, the request is sent again with that: a
// request that was answered with 401 has changed nothing.
type signer struct {
	next      http.RoundTripper
	authorize func(ctx context.Context, refused string) (string, error)
	secrets   *secrets
}

func (t *signer) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := t.authorize(req.Context(), "")
	if err != nil {
		return nil, err
	}
	resp, err := t.send(req, req.Body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || token == "" || req.Body != nil && req.GetBody == nil {
		return resp, err
	}
	again, err := t.authorize(req.Context(), token)
	if err != nil || again == token {
		return resp, err
	}
	body := req.Body
	if body != nil {
		if body, err = req.GetBody(); err != nil {
			return nil, fmt.Errorf("sending the request again: %w", err)
		}
	}
	return t.send(req, body, again)
}

func (t *signer) send(req *http.Request, body io.ReadCloser, token string) (*http.Response, error) {
	signed := req.Clone(req.Context())
	signed.Body = body
	signed.Header.Del("Authorization")
	if token != "" {
		t.secrets.add(token)
		signed.Header.Set("Authorization", "Bearer "+token)
	}
	return t.next.RoundTrip(signed)
}

// guard takes the token off a request that is not for the API's own origin. It
// looks at every request, so that no redirect can carry the token elsewhere.
type guard struct {
	next http.RoundTripper
	api  *url.URL
}

func (t *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if !sameOrigin(req.URL, t.api) {
		req = req.Clone(req.Context())
		req.Header.Del("Authorization")
	}
	return t.next.RoundTrip(req)
}

// reader makes one attempt and returns an answer that is complete, bounded and,
// where JSON was asked for, JSON; or an error that says which of these failed.
type reader struct {
	next    http.RoundTripper
	timeout time.Duration
	limit   int64
	clock   *clock
	secrets *secrets
}

// content is a body that was read already.
type content struct {
	*bytes.Reader
	data []byte
}

func (*content) Close() error { return nil }

func (t *reader) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	defer cancel()
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, t.unanswered(ctx, req, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		t.clock.see(date)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, t.limit+1))
	if err != nil {
		return nil, t.unanswered(ctx, req, fmt.Errorf("the answer broke off: %w", err))
	}
	if int64(len(data)) > t.limit {
		return nil, &answerError{text: fmt.Sprintf("the answer is larger than %d MiB", t.limit>>20)}
	}
	if err := checkBody(req, resp, data); err != nil {
		return nil, err
	}
	resp.Request = req
	if !isRaw(req) || resp.StatusCode >= 300 {
		data = t.secrets.clean(resp, data)
	}
	resp.Body = &content{bytes.NewReader(data), data}
	resp.ContentLength = int64(len(data))
	return resp, nil
}

// unanswered tells the caller's own cancelation from an attempt that took too
// long and from a broken connection.
func (t *reader) unanswered(attempt context.Context, req *http.Request, err error) error {
	if cause := req.Context().Err(); cause != nil {
		return cause
	}
	if attempt.Err() != nil {
		return &networkError{text: fmt.Sprintf("no complete answer from %s within %s", req.URL.Host, t.timeout), cause: err}
	}
	return &networkError{text: fmt.Sprintf("no answer from %s: %v", req.URL.Host, err), cause: err}
}

// isRaw says whether the bytes of a file were asked for.
func isRaw(req *http.Request) bool { return strings.Contains(req.Header.Get("Accept"), "raw") }

// checkBody refuses a success whose body cannot be what was asked for. Such an
// answer comes from a proxy, or from a connection that was cut at a bad moment.
func checkBody(req *http.Request, resp *http.Response, data []byte) error {
	if resp.StatusCode < 200 || resp.StatusCode > 299 || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == "text/html" {
		// One such page can be a proxy's bad moment. If they go on, it is a wrong URL.
		return &answerError{again: true, text: fmt.Sprintf("%s answered with a web page: check the API URL, and any proxy on the way", req.URL.Host)}
	}
	if !isRaw(req) && !json.Valid(data) {
		return unreadable("%s answered with something that is not complete JSON", req.URL.Host)
	}
	return nil
}
