package github

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
)

// secondaryWait is how long to stay away after a secondary limit that names no
// time, doubled each time. Source: GitHub's "best practices for using the REST
// API", handle rate limit errors appropriately.
const secondaryWait = time.Minute

// limitError is a rate limit that turned a request away. The request was not
// carried out.
type limitError struct {
	message string
	wait    time.Duration
	until   time.Time // zero when the service sent no time of its own
}

func (e *limitError) Error() string {
	text := "GitHub's rate limit: " + e.message
	if e.until.IsZero() {
		return fmt.Sprintf("%s; try again in %s", text, e.wait)
	}
	return fmt.Sprintf("%s; try again at %s, in %s", text, e.until.UTC().Format(time.RFC3339), e.wait)
}

func (e *limitError) Unwrap() error { return forge.ErrTransient }

// limitBody is the part of an answer that a rate limit shows in. GraphQL answers
// 200 with an error of type RATE_LIMITED.
type limitBody struct {
	Message       string `json:"message"`
	Documentation string `json:"documentation_url"`
	Errors        []struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"errors"`
}

// readLimit recognizes an answer that is a rate limit; earlier is how many came
// before it. How long to wait follows GitHub's order: Retry-After, else the reset
// time when nothing remains, else a minute and more. All by the service's own
// clock, so that ours does not matter.
func readLimit(resp *http.Response, earlier int) *limitError {
	if resp == nil {
		return nil
	}
	message, limited := limitMessage(resp)
	if !limited {
		return nil
	}
	limit := &limitError{message: clip(message)}
	date, dateErr := http.ParseTime(resp.Header.Get("Date"))
	reset, resetErr := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Reset"), 10, 64)
	after, stated := retryAfter(resp)
	switch {
	case stated:
		limit.wait = after
	case exhausted(resp) && resetErr == nil && dateErr == nil:
		limit.wait = time.Unix(reset, 0).Sub(date)
	default:
		limit.wait = secondaryWait << min(earlier, 10)
	}
	limit.wait = max(limit.wait, time.Second)
	if dateErr == nil {
		limit.until = date.Add(limit.wait)
	}
	return limit
}

// limitMessage says whether an answer is a rate limit, and in which words.
func limitMessage(resp *http.Response) (string, bool) {
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusTooManyRequests:
	case http.StatusOK:
		return graphqlLimit(resp)
	default:
		return "", false
	}
	body := peek(resp)
	text := body.Message
	if text == "" {
		text = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	_, stated := retryAfter(resp)
	limited := resp.StatusCode == http.StatusTooManyRequests || stated || exhausted(resp) ||
		strings.Contains(strings.ToLower(body.Message), "secondary rate limit") ||
		strings.HasSuffix(body.Documentation, "secondary-rate-limits") ||
		strings.HasSuffix(body.Documentation, "#abuse-rate-limits")
	return text, limited
}

func graphqlLimit(resp *http.Response) (string, bool) {
	if resp.Request == nil || resp.Request.Method != http.MethodPost || !strings.HasSuffix(resp.Request.URL.Path, "/graphql") {
		return "", false
	}
	for _, e := range peek(resp).Errors {
		if e.Type == "RATE_LIMITED" || e.Type == "RATE_LIMIT" {
			return e.Message, true
		}
	}
	return "", false
}

// peek decodes a body that was read already and leaves it as it is.
func peek(resp *http.Response) limitBody {
	var body limitBody
	if c, ok := resp.Body.(*content); ok {
		// What does not decode says nothing about limits.
		_ = json.NewDecoder(bytes.NewReader(c.data)).Decode(&body)
	}
	return body
}

func exhausted(resp *http.Response) bool {
	return resp.Header.Get("X-Ratelimit-Remaining") == "0"
}

// retryAfter reads the header in its two forms, seconds and a date.
func retryAfter(resp *http.Response) (time.Duration, bool) {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	when, err := http.ParseTime(value)
	now, nowErr := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || nowErr != nil {
		return 0, false
	}
	return when.Sub(now), true
}

// withoutLimits hides the rate limit from go-github, which would refuse requests
// on its own until the reset, and takes some refusals for rate limits.
func withoutLimits(resp *http.Response) *http.Response {
	if resp == nil {
		return nil
	}
	for _, header := range []string{"Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Ratelimit-Used", "X-Ratelimit-Resource"} {
		resp.Header.Del(header)
	}
	return resp
}
