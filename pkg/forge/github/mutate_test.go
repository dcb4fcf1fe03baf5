package github

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getpawl/pawl/pkg/forge"
)

// TestMutationAfterCancelation: nothing is sent once the caller gave up.
func TestMutationAfterCancelation(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 500, "") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := c.CreateBranch(ctx, "x", shaA)
	if !errors.Is(err, context.Canceled) || len(j.requests) != 0 {
		t.Errorf("got %v after %q", err, j.requests)
	}
}

// TestMutationUnderWayIsFinished: a caller that gives up while a mutation is on
// its way still learns what became of it.
func TestMutationUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"answered": 201, "lost": 500} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			c, j := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if r.Method == http.MethodPost {
					cancel()
					write(w, status, refJSON("x", shaA))
					return
				}
				write(w, 200, refJSON("x", shaA))
			})
			if err := c.CreateBranch(ctx, "x", shaA); err != nil {
				t.Errorf("got %v after %q", err, j.requests)
			}
		})
	}
}

// TestMutationIsSentOnce: with an unknown outcome, the effect decides.
func TestMutationIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, fail := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range []struct {
				name    string
				effects []bool // does the n-th POST take effect?
				posts   int
				want    string
			}{
				{"took effect", []bool{true}, 1, ""},
				{"second took effect", []bool{false, true}, 2, ""},
				{"no effect", []bool{false, false}, 2, "whether it happened is not known"},
			} {
				var made atomic.Bool
				var posts atomic.Int32
				c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
					if r.Method == http.MethodPost {
						made.Store(tt.effects[posts.Add(1)-1])
						fail(w)
						return
					}
					answerRef(w, r, made.Load())
				})
				err := c.CreateBranch(t.Context(), "x", shaA)
				wantText(t, err, tt.want)
				if got := int(posts.Load()); got != tt.posts {
					t.Errorf("%s: sent %d times, want %d", tt.name, got, tt.posts)
				}
				if tt.want != "" && !errors.Is(err, forge.ErrTransient) {
					t.Errorf("%s: %v is not transient", tt.name, err)
				}
			}
		})
	}
}

func answerRef(w http.ResponseWriter, r *http.Request, there bool) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/config"):
		write(w, 200, repositoryFor(r))
	case there:
		write(w, 200, refJSON("x", shaA))
	default:
		write(w, 404, `{"message":"Not Found"}`)
	}
}

func TestMutationThatCannotBeReadBack(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 502, "") })
	err := c.CreateBranch(t.Context(), "x", shaA)
	wantText(t, err, "whether it happened is not known: Bad Gateway (502); reading it back: Bad Gateway (502)")
	if !errors.Is(err, forge.ErrTransient) || len(j.requests) != 1+maxAttempts {
		t.Errorf("got %v after %d requests", err, len(j.requests))
	}
}
