package github

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	maxAttempts = 5
	firstDelay  = 500 * time.Millisecond
	longDelay   = 8 * time.Second
)

// retrier repeats reads after failures of the network or the server, with full
// jitter, and waits for rate limits. A mutation it repeats only when the
// connection was never made, because then nothing was sent.
type retrier struct {
	next  http.RoundTripper
	pacer *pacer
}

func (t *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	limits := 0
	for attempt := 1; ; attempt++ {
		resp, err := t.send(req, attempt)
		limit := readLimit(resp, limits)
		if limit != nil {
			limits++
			attempt-- // a limit is no failure: the time bounds it
			if err := t.pacer.waitForLimit(req, limit); err != nil {
				return nil, err
			}
			continue
		}
		cause := failure(resp, err)
		if cause == nil || attempt == maxAttempts || !repeatable(req, err) {
			return withoutLimits(resp), err
		}
		if !t.pacer.backOff(req, attempt, resp, cause) {
			return withoutLimits(resp), err
		}
	}
}

func (t *retrier) send(req *http.Request, attempt int) (*http.Response, error) {
	again := req.Clone(req.Context())
	if attempt > 1 && req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, fmt.Errorf("sending the request again: %w", err)
		}
		again.Body = body
	}
	resp, err := t.next.RoundTrip(again)
	if err != nil {
		t.pacer.trace("%s %s: %v", req.Method, req.URL.RequestURI(), err)
		return nil, err
	}
	t.pacer.trace("%s %s: %d", req.Method, req.URL.RequestURI(), resp.StatusCode)
	return resp, nil
}

// failure is what went wrong with an attempt that another one can mend.
func failure(resp *http.Response, err error) error {
	var network *networkError
	var answer *answerError
	switch {
	case errors.As(err, &network):
		return err
	case errors.As(err, &answer) && answer.again:
		return err
	case err != nil:
		return nil
	case serverFailed(resp.StatusCode):
		return fmt.Errorf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// serverFailed says whether a status leaves open what became of a request.
func serverFailed(status int) bool {
	return status == http.StatusRequestTimeout || status >= 500 && status != http.StatusNotImplemented
}

func repeatable(req *http.Request, err error) bool {
	return isRead(req.Method) || notSent(err)
}

// notSent says whether a request failed before there was a connection to send
// it on.
func notSent(err error) bool {
	var network *networkError
	var op *net.OpError
	return errors.As(err, &network) && errors.As(network.cause, &op) && op.Op == "dial"
}
