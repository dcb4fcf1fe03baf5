package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// operation is what a method does, for its errors.
type operation struct {
	doing string // "reading the branch \"dev\""
	needs string // the permission of a fine-grained token or an app
}

// callError is the failure of a method: a text without secrets, and what a caller
// can ask about it.
type callError struct {
	text  string
	hint  string // what to do about it; empty when the text says all
	kinds []error
}

func (e *callError) Error() string   { return e.text }
func (e *callError) Unwrap() []error { return e.kinds }

// Hint says what to do.
func (e *callError) Hint() string { return e.hint }

// networkError is a request that got no complete answer.
type networkError struct {
	text  string
	cause error // for notSent; not part of the chain: its text is not ours
}

func (e *networkError) Error() string { return e.text }
func (e *networkError) Unwrap() error { return forge.ErrTransient }

// answerError is an answer that cannot be what GitHub meant to say.
type answerError struct {
	text      string
	again     bool // another attempt can bring a better one
	transient bool // so can another run
}

func (e *answerError) Error() string { return e.text }

func (e *answerError) Unwrap() error {
	if e.transient {
		return forge.ErrTransient
	}
	return nil
}

// unreadable is an answer that was cut or garbled; another one may be whole.
func unreadable(format string, args ...any) error {
	return &answerError{text: fmt.Sprintf(format, args...), again: true, transient: true}
}

// field is one that an answer must have.
type field struct {
	name string
	ok   bool
}

// require refuses an answer in which a field is missing, empty or out of range.
// A zero value in its place would be taken for a fact.
func require(what string, fields ...field) error {
	var missing []string
	for _, f := range fields {
		if !f.ok {
			missing = append(missing, f.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &answerError{text: fmt.Sprintf("GitHub's answer is not usable: %s without a proper %s", what, strings.Join(missing, ", "))}
}

var commitSHA = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func isSHA(s string) bool { return commitSHA.MatchString(s) }

// explain turns whatever went wrong in a method into the error that it returns.
// All errors of the package go through here, so this is where the token is kept
// out of them.
func (c *Client) explain(ctx context.Context, op operation, err error) error {
	var done *callError
	var link *url.Error
	if errors.As(err, &link) && errors.As(link.Err, &done) { // an App that got no token
		return done
	}
	if err == nil || errors.As(err, &done) {
		return err
	}
	doing := fmt.Sprintf("%s of %s/%s", op.doing, c.owner, c.name)
	var refused *forge.RefusedError
	err = c.translate(ctx, op, err)
	if errors.As(err, &refused) {
		clean := &forge.RefusedError{What: doing}
		for _, reason := range refused.Reasons {
			clean.Reasons = append(clean.Reasons, c.secrets.remove(reason))
		}
		return clean
	}
	failed := &callError{text: c.secrets.remove(doing + ": " + err.Error()), kinds: kinds(ctx, err)}
	var advice interface{ Hint() string }
	if errors.As(err, &advice) {
		failed.hint = c.secrets.remove(advice.Hint())
	}
	return failed
}

// kinds are what a caller can ask about an error. When the context ended, that is
// one of them whatever else went wrong.
func kinds(ctx context.Context, err error) []error {
	var found []error
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		found = append(found, cause)
	}
	for _, kind := range []error{
		forge.ErrNotFound, forge.ErrExists, forge.ErrMoved, forge.ErrNotFastForward, forge.ErrAccess, forge.ErrTransient, forge.ErrUnsupported,
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, kind) {
			found = append(found, kind)
		}
	}
	return found
}

// translate gives errors of go-github and net/http the words and kinds of ours.
func (c *Client) translate(ctx context.Context, op operation, err error) error {
	var accepted *gh.AcceptedError
	var graph *graphqlError
	var link *url.Error
	switch {
	case errors.As(err, &accepted):
		return unreadable("GitHub accepted the request and has no answer yet (202)")
	case errors.As(err, &graph):
		return graph.translate()
	case answerOf(err) != nil:
		return c.translateAnswer(ctx, op, answerOf(err))
	case errors.As(err, &link):
		return plain(link.Err)
	}
	return plain(err)
}

// plain drops wrappers that repeat method and URL, and keeps errors of ours.
func plain(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var date *time.ParseError
	if errors.As(err, &syntax) || errors.As(err, &kind) || errors.As(err, &date) {
		return &answerError{text: "GitHub's answer is not usable: " + err.Error()}
	}
	return err
}

// answerOf is the answer that an error stands for, or nil.
func answerOf(err error) *gh.ErrorResponse {
	var answer *gh.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil {
		return answer
	}
	var factor *gh.TwoFactorAuthError
	if errors.As(err, &factor) && factor.Response != nil {
		return (*gh.ErrorResponse)(factor)
	}
	return nil
}

// status is the HTTP status that an error stands for, or 0.
func status(err error) int {
	if answer := answerOf(err); answer != nil {
		return answer.Response.StatusCode
	}
	return 0
}

func (c *Client) translateAnswer(ctx context.Context, op operation, answer *gh.ErrorResponse) error {
	resp := answer.Response
	text := clip(strings.Join(said(resp), "; "))
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		return c.redirected(ctx, resp)
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%w: %s (401): the token is missing, wrong, expired or revoked", forge.ErrAccess, text)
	case workflowRefusal.MatchString(text):
		return workflowError(text)
	case code == http.StatusForbidden && forbiddenByRule(text), refusesChange(resp):
		return &forge.RefusedError{Reasons: reasons(said(resp))}
	case code == http.StatusForbidden && planRefusal.MatchString(text):
		return fmt.Errorf("%w: %w: %s (403)", forge.ErrAccess, forge.ErrUnsupported, text)
	case code == http.StatusForbidden:
		return fmt.Errorf("%w: %s (403)%s", forge.ErrAccess, text, nextStep(op, resp, text))
	case code == http.StatusNotFound:
		return c.absent(ctx, op, resp, text)
	case serverFailed(code):
		return fmt.Errorf("%w: %s (%d%s)", forge.ErrTransient, text, code, requestID(resp))
	default:
		return fmt.Errorf("GitHub answered %d: %s", code, text)
	}
}

// absent says what a 404 means. GitHub answers so when something is not there,
// and when the token may not see or change it. Only a repository that this token
// can see makes it an absence, and only of something that was to be read.
func (c *Client) absent(ctx context.Context, op operation, resp *http.Response, text string) error {
	if err := c.proveVisible(ctx); err != nil {
		return c.translate(ctx, operation{doing: op.doing, needs: "metadata: read"}, err)
	}
	if resp.Request != nil && !isRead(resp.Request.Method) {
		return fmt.Errorf("%w: %s (404): it is not there, or this token may not change it%s", forge.ErrAccess, text, nextStep(op, resp, text))
	}
	return fmt.Errorf("%w: %s (404)", forge.ErrNotFound, text)
}

// refusesChange says whether an answer is a definite no to a change.
func refusesChange(resp *http.Response) bool {
	if resp.Request == nil || isRead(resp.Request.Method) {
		return false
	}
	switch resp.StatusCode {
	case http.StatusMethodNotAllowed, http.StatusConflict, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

var (
	ruleRefusal     = regexp.MustCompile(`(?i)rule violations|protected branch|required status check|approving review|through a pull request|archived`)
	workflowRefusal = regexp.MustCompile("(?i)refusing to allow .* without `?workflows?`? (permission|scope)")
)

// workflowError is the refusal of commits that touch .github/workflows. Source:
// the words that GitHub uses for pushes and for both APIs.
func workflowError(text string) error {
	return fmt.Errorf("%w: %s: the token needs the permission workflows: write (the scope workflow, if it is a classic one)", forge.ErrAccess, text)
}

func forbiddenByRule(text string) bool { return ruleRefusal.MatchString(text) }

// nextStep tells a user what to do about a 403 or 404, beginning with ": ".
func nextStep(op operation, resp *http.Response, text string) string {
	switch {
	case strings.Contains(text, "GitHub Actions is not permitted to create or approve pull requests"):
		return `: turn on "Allow GitHub Actions to create and approve pull requests" under Settings, Actions, General, Workflow permissions, or use the token of a GitHub App`
	case resp.Header.Get("X-Github-Sso") != "":
		return ": authorize the token for single sign-on: " + clip(ssoURL(resp.Header.Get("X-Github-Sso")))
	case resp.Header.Get("X-Accepted-Github-Permissions") != "":
		return ": the token needs the permission " + permissionNames(resp.Header.Get("X-Accepted-Github-Permissions"))
	case op.needs != "":
		return ": the token needs the permission " + op.needs
	}
	return ""
}

// ssoURL takes the address out of "required; url=https://…".
func ssoURL(header string) string {
	if _, address, found := strings.Cut(header, "url="); found {
		return address
	}
	return header
}

// permissionNames writes GitHub's "pull_requests=write,contents=read; issues=write"
// the way its settings do. A semicolon separates alternatives.
func permissionNames(header string) string {
	return strings.NewReplacer("=", ": ", "_", "-", ",", ", ", ";", ", or").Replace(clip(header))
}

func requestID(resp *http.Response) string {
	if id := resp.Header.Get("X-Github-Request-Id"); id != "" {
		return ", request " + clip(id)
	}
	return ""
}
