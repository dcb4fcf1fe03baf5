package githubtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Git over HTTP [gitprotocol-http(5)] is git http-backend, with GitHub's access
// checks and branch rules in front.

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// serveGit answers everything that is not under /api.
func (s *Server) serveGit(ctx context.Context, r *http.Request, body []byte) (*answer, caller) {
	name, endpoint, known := splitGitPath(r.URL.Path)
	service := endpoint
	if endpoint == "info/refs" {
		service = r.URL.Query().Get("service")
	}
	if !known || service != uploadPack && service != receivePack {
		return plain(http.StatusNotFound, "Not Found"), caller{}
	}
	who, err := s.authenticateGit(r)
	if err != nil {
		return unauthorized("Invalid username or token. Password authentication is not supported for Git operations."), who
	}
	found, renamed := s.find(name)
	if refused := s.mayGit(found, who, service); refused != nil {
		return refused, who
	}
	if renamed {
		// "all git clone, git fetch, or git push operations targeting the previous
		// location will continue to function" [docs: renaming a repository].
		target := (&Repository{repo: found}).CloneURL() + "/" + endpoint
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		return &answer{status: http.StatusMovedPermanently, header: http.Header{"Location": {target}}}, who
	}
	if endpoint == receivePack {
		return found.receive(ctx, who, r, body), who
	}
	return found.fetch(ctx, who, r, endpoint, body), who
}

// splitGitPath reads /OWNER/NAME.git/ENDPOINT; the .git may be missing.
func splitGitPath(path string) (name, endpoint string, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 3)
	if len(parts) != 3 {
		return "", "", false
	}
	switch parts[2] {
	case "info/refs", uploadPack, receivePack:
		return parts[0] + "/" + strings.TrimSuffix(parts[1], ".git"), parts[2], true
	}
	return "", "", false
}

// mayGit says whether the caller may fetch or push: nil, or the refusal.
// A stranger is asked for credentials, whether the repository exists or not.
func (s *Server) mayGit(r *repository, who caller, service string) *answer {
	if r == nil {
		if who.account == nil {
			return unauthorized("Repository not found.")
		}
		return plain(http.StatusNotFound, "Repository not found.")
	}
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	need := reads("contents")
	if service == receivePack {
		need = writes("contents")
	}
	switch {
	case r.may(who, need) == nil:
		return nil
	case who.account == nil:
		return unauthorized("Repository not found.")
	case !r.sees(who):
		return plain(http.StatusNotFound, "Repository not found.")
	case who.token.kind == installationToken:
		return plain(http.StatusForbidden, "Write access to repository not granted.")
	}
	return plain(http.StatusForbidden, fmt.Sprintf("Permission to %s.git denied to %s.", r.fullName(), who.login()))
}

func plain(status int, text string) *answer {
	return &answer{
		status: status, body: []byte(text + "\n"),
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
	}
}

func unauthorized(text string) *answer {
	a := plain(http.StatusUnauthorized, text)
	a.header.Set("WWW-Authenticate", `Basic realm="GitHub"`)
	return a
}

// recorder keeps what the CGI program answers.
type recorder struct {
	answer

	body bytes.Buffer
}

// Header is for http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader is for http.ResponseWriter.
func (w *recorder) WriteHeader(status int) { w.status = status }

// Write is for http.ResponseWriter.
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }

// fetch answers what only reads.
func (r *repository) fetch(ctx context.Context, who caller, request *http.Request, endpoint string, body []byte) *answer {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	return r.backend(ctx, who, request, endpoint, body)
}

// backend hands a request to git http-backend. The token stays here.
func (r *repository) backend(ctx context.Context, who caller, request *http.Request, endpoint string, body []byte) *answer {
	if err := r.flush(ctx); err != nil {
		return plain(http.StatusInternalServerError, err.Error())
	}
	inner := request.Clone(ctx)
	inner.Header.Del("Authorization")
	inner.URL = &url.URL{Path: "/" + strconv.FormatInt(r.id, 10) + ".git/" + endpoint, RawQuery: request.URL.RawQuery}
	inner.TransferEncoding = nil
	inner.ContentLength = int64(len(body))
	inner.Body = io.NopCloser(bytes.NewReader(body))
	env := gitEnvironment("GIT_PROJECT_ROOT="+r.server.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER="+who.login())
	handler := &cgi.Handler{
		Path: r.server.git, Args: []string{"http-backend"}, Root: "/", Dir: r.dir, Env: env,
		Logger: log.New(io.Discard, "", 0), Stderr: io.Discard,
	}
	w := &recorder{answer: answer{status: http.StatusOK, header: http.Header{}}}
	handler.ServeHTTP(w, inner)
	w.answer.body = w.body.Bytes()
	return &w.answer
}

// receive takes a push: the branch rules see it before git does, and the pull
// requests after.
func (r *repository) receive(ctx context.Context, who caller, request *http.Request, body []byte) *answer {
	if request.Header.Get("Content-Encoding") == "gzip" {
		plainBody, err := gunzip(body)
		if err != nil {
			return plain(http.StatusBadRequest, "malformed request")
		}
		body = plainBody
		request.Header.Del("Content-Encoding")
	}
	push, err := parsePush(body)
	if err != nil {
		return plain(http.StatusBadRequest, "malformed request")
	}
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	r.settle(ctx)
	reason, lines, err := r.judgePush(ctx, who, push)
	if err != nil {
		return plain(http.StatusInternalServerError, err.Error())
	}
	if reason != "" {
		return &answer{
			status: http.StatusOK, body: push.refusal(reason, lines),
			header: http.Header{"Content-Type": {"application/x-git-receive-pack-result"}, "Cache-Control": {"no-cache"}},
		}
	}
	before := map[string]string{}
	for _, c := range push.commands {
		before[c.ref] = or(r.ref(c.ref), zeroSHA)
	}
	a := r.backend(ctx, who, request, receivePack, body)
	for _, c := range push.commands {
		now := or(r.reload(c.ref), zeroSHA)
		if now == before[c.ref] {
			continue
		}
		if err := r.noticed(ctx, who, move{ref: c.ref, after: now, force: true}, before[c.ref]); err != nil {
			return plain(http.StatusInternalServerError, err.Error())
		}
	}
	return a
}

func gunzip(body []byte) ([]byte, error) {
	inflate, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(inflate)
}

// judgePush says why a push is refused: the reason for the report and the lines
// for the terminal. The new objects are looked at in a directory of their own, as
// Git itself does, so that a refused push leaves nothing behind.
func (r *repository) judgePush(ctx context.Context, who caller, push *pushRequest) (string, []string, error) {
	if !r.judged(who, push) {
		return "", nil, nil
	}
	view := r.store()
	if len(push.pack) > 0 {
		dir, err := os.MkdirTemp(r.server.dir, "incoming-")
		if err != nil {
			return "", nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := r.flush(ctx); err != nil {
			return "", nil, err
		}
		env := []string{"GIT_OBJECT_DIRECTORY=" + dir, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + r.store().dir}
		if _, err := runGitWith(ctx, r.server.git, r.dir, bytes.NewReader(push.pack), env, "unpack-objects", "-q"); err != nil {
			return "", nil, nil // git receive-pack will say better what is wrong with it
		}
		view = view.with(dir)
	}
	for _, c := range push.commands {
		if or(r.ref(c.ref), zeroSHA) != c.before {
			return "", nil, nil // git refuses it: the ref moved
		}
		if reason, lines, err := r.judgeCommand(ctx, view, who, c); reason != "" || err != nil {
			return reason, lines, err
		}
	}
	return "", nil, nil
}

// judged says whether a push can be refused by anything but git.
func (r *repository) judged(who caller, push *pushRequest) bool {
	if who.token != nil && !who.token.workflows {
		return true
	}
	for _, c := range push.commands {
		branch, ok := strings.CutPrefix(c.ref, "refs/heads/")
		if ok && r.protected(branch) {
			return true
		}
	}
	return false
}

// judgeCommand judges one ref of a push. The texts are GitHub's [GH013:
// henne49/dbus-opendtu#235, yshavit/mdq#255; GH006: foundry-rs/block-explorers#110].
func (r *repository) judgeCommand(ctx context.Context, view *store, who caller, c command) (string, []string, error) {
	if c.after != zeroSHA && view.kind(ctx, c.after) == "commit" {
		err := r.judgeWorkflows(ctx, view, who, c.ref, c.before, c.after)
		var refusal *Error
		if errors.As(err, &refusal) {
			return refusal.Message, nil, nil
		}
		if err != nil {
			return "", nil, err
		}
	}
	v, err := r.violations(ctx, view, who, move{ref: c.ref, after: c.after, force: true}, c.before)
	if err != nil || len(v.reasons) == 0 {
		return "", nil, err
	}
	if v.classic {
		lines := []string{"error: GH006: Protected branch update failed for " + c.ref + ".", ""}
		for _, reason := range v.reasons {
			lines = append(lines, "- "+reason)
		}
		return "protected branch hook declined", lines, nil
	}
	lines := []string{
		"error: GH013: Repository rule violations found for " + c.ref + ".",
		"Review all repository rules at " + r.html("/rules?ref="+url.QueryEscape(c.ref)), "",
	}
	for _, reason := range v.reasons {
		lines = append(lines, "- "+reason, "")
	}
	return "push declined due to repository rule violations", lines, nil
}
