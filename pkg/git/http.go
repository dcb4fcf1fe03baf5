package git

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The two services of the smart HTTP protocol.
// https://git-scm.com/docs/gitprotocol-http
const (
	uploadPack  = "git-upload-pack"  // reading
	receivePack = "git-receive-pack" // writing
)

var (
	errStalled  = errors.New("the server stopped answering")
	errTooLarge = errors.New("the answer is larger than pawl accepts")
	errNotGit   = errors.New("the answer is not a Git server's")
)

// send makes one request to the configured origin, with the credential.
func (r *Remote) send(ctx context.Context, method string, target *url.URL, service string, body []byte) (*http.Response, error) {
	if !sameOrigin(r.base, target) {
		return nil, fmt.Errorf("a request to %q is not allowed", target.Host)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(r.stall, func() { cancel(errStalled) })
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err == nil {
		r.setHeaders(request, service)
		var response *http.Response
		if response, err = r.client.Do(request); err == nil {
			r.trace("%s %s: HTTP %d", method, target.Path, response.StatusCode)
			response.Body = &answer{
				body: response.Body, watch: watch, stall: r.stall, left: r.limits.Bytes,
				cause: func() error { return context.Cause(ctx) }, cancel: cancel,
			}
			return response, nil
		}
	}
	err = r.networkError(ctx, err)
	watch.Stop()
	cancel(nil)
	r.trace("%s %s: %v", method, target.Path, err)
	return nil, err
}

func (r *Remote) setHeaders(request *http.Request, service string) {
	request.Header.Set("User-Agent", r.agent)
	if r.authorization != "" {
		request.Header.Set("Authorization", r.authorization)
	}
	if request.Method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-"+service+"-request")
		request.Header.Set("Accept", "application/x-"+service+"-result")
	}
}

// networkError tells what is worth another try from what is not.
func (r *Remote) networkError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errStalled) {
		return cause
	}
	var (
		failed    *url.Error
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		verifying *tls.CertificateVerificationError
		plain     tls.RecordHeaderError
	)
	if errors.As(err, &failed) {
		err = failed.Err // without the method and the URL, which the caller names
	}
	switch {
	case errors.Is(err, errTooLarge):
		return err
	case errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verifying), errors.As(err, &plain):
		return fmt.Errorf("making a secure connection: %s", r.clean(err.Error()))
	case errors.Is(context.Cause(ctx), errStalled):
		err = errStalled
	}
	return fmt.Errorf("%w: %s", ErrTransient, r.clean(err.Error()))
}

// clean makes text from outside fit for an error: printable, on one line, and
// without the credential.
func (r *Remote) clean(text string) string {
	return strings.Join(r.cleanLines(text), "; ")
}

func (r *Remote) cleanLines(text string) []string {
	return printableLines(redact(text, r.secrets))
}

// statusError is nil for an answer to read on with. Otherwise it closes the body.
func (r *Remote) statusError(response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	defer response.Body.Close()
	code, detail := response.StatusCode, r.detail(response)
	switch {
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%w: the token is missing, wrong or expired (HTTP 401)%s", ErrAccess, detail)
	case code == http.StatusForbidden:
		return fmt.Errorf("%w: the token may not do this (HTTP 403)%s", ErrAccess, detail)
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: repository not found, or the token may not see it (HTTP 404)%s", ErrAccess, detail)
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		return fmt.Errorf("%w: HTTP %d%s", ErrTransient, code, detail)
	}
	return fmt.Errorf("the server answered HTTP %d%s", code, detail)
}

// detail is what a server says about a refusal, when it says it in plain text:
// an HTML page is for a browser.
func (r *Remote) detail(response *http.Response) string {
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
		return ""
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if said := r.clean(string(text)); said != "" {
		return ": " + said
	}
	return ""
}

// expectKind checks the media type, as Git does: a login page or a proxy's notice
// is not a Git server's answer, whatever its status.
func (r *Remote) expectKind(response *http.Response, kind string) error {
	got, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(got) == kind {
		return nil
	}
	return fmt.Errorf("%w (its type is %q)", errNotGit, r.clean(got))
}

// retry makes a read up to three times while it fails for a moment.
func (r *Remote) retry(ctx context.Context, read func() error) error {
	for try := range 3 {
		err := read()
		if err == nil || !errors.Is(err, ErrTransient) || r.sleep == nil || try == 2 {
			return err
		}
		if r.sleep(ctx, 250*time.Millisecond<<(2*try)) != nil {
			return err
		}
	}
	return nil
}

// exchange posts one request to a service, to where the repository was found, and
// returns the answer, which the caller closes.
func (r *Remote) exchange(ctx context.Context, server *advertisement, service string, body []byte) (io.ReadCloser, error) {
	if r.shell != nil {
		return r.exchangeShell(ctx, server, service, body)
	}
	response, err := r.send(ctx, http.MethodPost, server.base.JoinPath(service), service, body)
	if err != nil {
		return nil, err
	}
	if err := r.statusError(response); err != nil {
		return nil, err
	}
	if err := r.expectKind(response, "application/x-"+service+"-result"); err != nil {
		response.Body.Close()
		return nil, err
	}
	return response.Body, nil
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// answer is a response body that ends with an error when the server stalls or
// sends too much, and that remembers the error: the decoders above it hide it.
type answer struct {
	body   io.ReadCloser
	watch  *time.Timer
	stall  time.Duration
	left   int64
	cause  func() error // why the request ended, nil while it has not
	cancel context.CancelCauseFunc
	err    error
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	a.watch.Reset(a.stall)
	if a.left -= int64(n); a.left < 0 {
		n, err = 0, errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := a.cause(); cause != nil {
			err = cause
		}
		a.err = err
	}
	return n, err
}

func (a *answer) Close() error {
	a.watch.Stop()
	defer a.cancel(nil)
	return a.body.Close()
}

// readError is the error for an answer that could not be decoded: that of the
// connection, if it had one, else a malformed answer, which a broken connection
// looks like too.
func (r *Remote) readError(ctx context.Context, body io.Reader, err error) error {
	if s, ok := body.(*session); ok {
		body = s.answer
	}
	if body, ok := body.(*answer); ok && body.err != nil {
		if errors.Is(body.err, errTooLarge) {
			return body.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%w: %s", ErrTransient, r.clean(body.err.Error()))
	}
	return fmt.Errorf("%w: its answer is cut short or malformed: %s", ErrTransient, r.clean(err.Error()))
}
