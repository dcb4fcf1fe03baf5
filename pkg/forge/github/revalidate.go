package github

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
)

const (
	// maxKnownAnswers and maxKnownAnswer bound the memory of a long wait: answers,
	// and bytes of one of them.
	maxKnownAnswers = 200
	maxKnownAnswer  = 1 << 20
)

// revalidator asks GitHub whether an answer that it gave before still holds, and
// uses that one when it does. The answer 304 does not count against the primary
// rate limit.
// https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
type revalidator struct {
	next http.RoundTripper

	mu    sync.Mutex
	known map[string]knownAnswer
}

// knownAnswer is a complete answer with the tag that GitHub gave it.
type knownAnswer struct {
	tag    string
	status string
	header http.Header
	data   []byte
}

func (t *revalidator) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return t.next.RoundTrip(req)
	}
	key := req.Header.Get("Accept") + " " + req.URL.String()
	t.mu.Lock()
	before, ok := t.known[key]
	t.mu.Unlock()
	if ok {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", before.tag)
	}
	resp, err := t.next.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotModified && ok:
		return before.again(resp), nil
	case resp.StatusCode == http.StatusOK && resp.Header.Get("ETag") != "":
		return resp, t.remember(key, resp)
	}
	return resp, nil
}

// again is the earlier answer with what is new about it: the date and the limits.
func (a knownAnswer) again(resp *http.Response) *http.Response {
	header := a.header.Clone()
	for name, values := range resp.Header {
		header[name] = values
	}
	for _, name := range []string{"Content-Type", "Content-Length", "Link"} {
		if values, ok := a.header[name]; ok {
			header[name] = values
		}
	}
	again := *resp
	again.StatusCode, again.Status, again.Header = http.StatusOK, a.status, header
	again.Body, again.ContentLength = &content{bytes.NewReader(a.data), a.data}, int64(len(a.data))
	return &again
}

// remember keeps an answer that was read completely. Beyond the bounds it keeps
// what it has: the answers that are asked for again come first.
func (t *revalidator) remember(key string, resp *http.Response) error {
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("keeping an answer: %w", err)
	}
	resp.Body = &content{bytes.NewReader(data), data}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[key]; len(data) > maxKnownAnswer || !ok && len(t.known) >= maxKnownAnswers {
		return nil
	}
	t.known[key] = knownAnswer{tag: resp.Header.Get("ETag"), status: resp.Status, header: resp.Header.Clone(), data: data}
	return nil
}
