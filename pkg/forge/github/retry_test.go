package github

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

// broken are the ways in which a connection or a server fails.
var broken = map[string]func(w http.ResponseWriter){
	"408": func(w http.ResponseWriter) { write(w, 408, "") },
	"500": func(w http.ResponseWriter) { write(w, 500, "") },
	"502": func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		write(w, 502, "<html>Bad gateway</html>")
	},
	"503": func(w http.ResponseWriter) { write(w, 503, `{"message":"down"}`) },
	"504": func(w http.ResponseWriter) { write(w, 504, `{"message":"slow"}`) },
	"reset": func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	},
	"no answer": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	"cut body": func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "200")
		write(w, 200, `{"ref":"refs/`)
	},
	"cut chunks": func(w http.ResponseWriter) {
		write(w, 200, `{"ref":"refs/`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"cut JSON": func(w http.ResponseWriter) { write(w, 200, `{"ref":"refs/`) },
	"web page": func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		write(w, 200, "<html>portal</html>")
	},
}

func TestReadIsRepeated(t *testing.T) {
	t.Parallel()
	for name, fail := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
				if n < maxAttempts {
					fail(w)
					return
				}
				write(w, 200, refJSON("dev", shaA))
			})
			sha, err := c.Branch(t.Context(), "dev")
			if err != nil || sha != shaA || len(j.requests) != maxAttempts {
				t.Errorf("got %q, %v after %d requests", sha, err, len(j.requests))
			}
			// Half of 0.5, 1, 2 and 4 seconds: the jitter of the tests is 0.5.
			want := []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}
			if diff := cmp.Diff(want, j.slept); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadGivesUp(t *testing.T) {
	t.Parallel()
	for name, fail := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fail(w) })
			_, err := c.Branch(t.Context(), "dev")
			if errors.Is(err, forge.ErrTransient) != (name != "web page") || errors.Is(err, forge.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			wantText(t, err, `reading the branch "dev" of acme/config: `)
			if len(j.requests) != maxAttempts {
				t.Errorf("got %d requests", len(j.requests))
			}
		})
	}
}

func TestWaitingIsBoundedPerCall(t *testing.T) {
	t.Parallel()
	// Each page fails until the time that the call may wait is used up.
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n%maxAttempts != 0 {
			write(w, 503, "")
			return
		}
		w.Header().Set("Link", `<http://x/?page=`+string(rune('0'+n/maxAttempts+1))+`>; rel="next"`)
		write(w, 200, "[]")
	}, func(o *Options) { o.MaxWait = 10 * time.Second })
	_, err := c.Reviews(t.Context(), 1)
	if !errors.Is(err, forge.ErrTransient) {
		t.Errorf("got %v", err)
	}
	if waited := j.waited(); waited > 10*time.Second || waited < 8*time.Second {
		t.Errorf("waited %s", waited)
	}
}

func TestNegativeMaxWaitNeverWaits(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 503, "") }, func(o *Options) { o.MaxWait = -1 })
	_, err := c.Branch(t.Context(), "dev")
	if !errors.Is(err, forge.ErrTransient) || len(j.requests) != 1 || len(j.slept) != 0 {
		t.Errorf("got %v after %d requests", err, len(j.requests))
	}
}

func TestServerStatesHowLong(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", "7")
			write(w, 503, "")
			return
		}
		write(w, 200, refJSON("dev", shaA))
	})
	if _, err := c.Branch(t.Context(), "dev"); err != nil || j.waited() != 7*time.Second {
		t.Errorf("got %v after %s", err, j.waited())
	}
}

func TestCancelationIsNotTransient(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		cancel()
		write(w, 503, "")
	})
	_, err := c.Branch(ctx, "dev")
	if !errors.Is(err, context.Canceled) || len(j.requests) != 1 {
		t.Errorf("got %v after %d requests", err, len(j.requests))
	}
}

func TestCancelationWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 503, "") }, func(o *Options) {
		o.Sleep = func(ctx context.Context, _ time.Duration) error {
			cancel()
			return ctx.Err()
		}
	})
	_, err := c.Branch(ctx, "dev")
	if !errors.Is(err, context.Canceled) || len(j.requests) != 1 {
		t.Errorf("got %v after %d requests", err, len(j.requests))
	}
}

// TestConnectionThatWasNeverMade: then even a mutation is safe to repeat.
func TestConnectionThatWasNeverMade(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	j := &journal{}
	c := client(t, j, func(o *Options) { o.APIURL = address + "/api/v3" })
	err := c.CreateBranch(t.Context(), "x", shaA)
	if !errors.Is(err, forge.ErrTransient) || strings.Contains(err.Error(), "not known") || len(j.slept) != maxAttempts-1 {
		t.Errorf("got %v after %d waits", err, len(j.slept))
	}
}

func TestBodyIsSentAgain(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	var bodies []string
	c := client(t, &journal{}, func(o *Options) {
		o.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			body := make([]byte, 1000)
			n, _ := req.Body.Read(body)
			bodies = append(bodies, string(body[:n]))
			if len(bodies) == 1 {
				return nil, dial
			}
			return answer(req, 201, `{"ref":"refs/heads/x","object":{"type":"commit","sha":"`+shaA+`"}}`), nil
		})
	})
	if err := c.CreateBranch(t.Context(), "x", shaA); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 2 || bodies[0] != bodies[1] || !strings.Contains(bodies[0], shaA) {
		t.Errorf("got %q", bodies)
	}
}
