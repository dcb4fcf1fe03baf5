package github

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		for header, want := range map[string]string{
			"Authorization":        "Bearer " + canary,
			"User-Agent":           "pawl/1.2",
			"X-Github-Api-Version": "2022-11-28",
		} {
			if got := r.Header.Get(header); got != want {
				t.Errorf("%s: got %q, want %q", header, got, want)
			}
		}
		write(w, 200, refJSON("dev", shaA))
	}, func(o *Options) { o.UserAgent = "pawl/1.2" })
	if _, err := c.Branch(t.Context(), "dev"); err != nil {
		t.Error(err)
	}
}

func TestNoTokenIsNoHeader(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if _, found := r.Header["Authorization"]; found {
			t.Error("an Authorization header without a token")
		}
		write(w, 200, refJSON("dev", shaA))
	}, func(o *Options) { o.Token = "" })
	if _, err := c.Branch(t.Context(), "dev"); err != nil {
		t.Error(err)
	}
}

// TestBadAnswers: a success that is not what was asked for is an error, after the
// attempts that it deserves.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, media, body string
		attempts          int
		transient         bool
		want              string
	}{
		{"empty", "application/json", "", maxAttempts, true, "not complete JSON"},
		{"cut", "application/json", `{"ref":"refs/heads/dev","obj`, maxAttempts, true, "not complete JSON"},
		{"two values", "application/json", `{}{}`, maxAttempts, true, "not complete JSON"},
		{"page", "text/html; charset=utf-8", "<html>log in</html>", maxAttempts, false, "web page"},
		{"page as JSON", "application/json", "<html>log in</html>", maxAttempts, true, "not complete JSON"},
		{"null", "application/json", "null", 1, false, "without a proper ref"},
		{"empty object", "application/json", "{}", 1, false, "without a proper ref, object.type, object.sha"},
		{"list", "application/json", "[]", 1, false, "not usable"},
		{"wrong type", "application/json", `{"ref":1}`, 1, false, "not usable"},
		{"other branch", "application/json", `{"ref":"refs/heads/develop","object":{"type":"commit","sha":"` + shaA + `"}}`, 1, false, "proper ref"},
		{"tag object", "application/json", `{"ref":"refs/heads/dev","object":{"type":"tag","sha":"` + shaA + `"}}`, 1, false, "object.type"},
		{"short sha", "application/json", `{"ref":"refs/heads/dev","object":{"type":"commit","sha":"abc"}}`, 1, false, "object.sha"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Content-Type", tt.media)
				write(w, 200, tt.body)
			})
			sha, err := c.Branch(t.Context(), "dev")
			wantText(t, err, tt.want)
			if sha != "" || errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrTransient) != tt.transient {
				t.Errorf("got %q, %v", sha, err)
			}
			if len(j.requests) != tt.attempts {
				t.Errorf("got %d attempts, want %d", len(j.requests), tt.attempts)
			}
		})
	}
}

func TestAnswerSizeIsBounded(t *testing.T) {
	t.Parallel()
	chunk := strings.Repeat(" ", 1<<20)
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		for range maxAnswer>>20 + 2 {
			_, _ = io.WriteString(w, chunk)
		}
	})
	_, err := c.Branch(t.Context(), "dev")
	wantText(t, err, "larger than 32 MiB")
	if len(j.requests) != 1 {
		t.Errorf("asked %d times for too much", len(j.requests))
	}
}

func TestAttemptTimesOut(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	slow := map[string]func(http.ResponseWriter){
		"no header": func(http.ResponseWriter) {},
		"slow body": func(w http.ResponseWriter) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
		},
	}
	for name, begin := range slow {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, j := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if n > 1 {
					write(w, 200, refJSON("dev", shaA))
					return
				}
				begin(w)
				select {
				case <-release:
				case <-r.Context().Done():
				}
			}, func(o *Options) { o.Timeout = 100 * time.Millisecond })
			sha, err := c.Branch(t.Context(), "dev")
			if sha != shaA || err != nil || len(j.requests) != 2 {
				t.Errorf("got %q, %v after %d requests", sha, err, len(j.requests))
			}
		})
	}
}
