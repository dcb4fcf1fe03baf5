package git

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestTokenStaysAtItsOrigin sends each of the four requests of a fetch and a push
// on, with each redirect, to another host, port and scheme, and to another place on
// the same server: nobody but that server is ever connected to.
func TestTokenStaysAtItsOrigin(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	stranger := listenForStrangers(t)
	places := map[string]string{
		"another host":   "http://localhost" + stranger.port,
		"another port":   "http://127.0.0.1" + stranger.port,
		"another scheme": "https://127.0.0.1" + stranger.port,
		"the same":       server.URL,
	}
	cells, seen := 0, 0
	for _, code := range []int{301, 302, 303, 307, 308} {
		for place, base := range places {
			for _, step := range []string{"GET git-upload-pack", "POST git-upload-pack", "GET git-receive-pack", "POST git-receive-pack"} {
				cells++
				var hit atomic.Bool
				server.setFault(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
					method, service, _ := strings.Cut(step, " ")
					if r.Method != method || !strings.Contains(r.URL.String(), service) {
						forward(w, r)
						return
					}
					hit.Store(true)
					w.Header().Set("Location", base+"/acme/elsewhere.git"+strings.TrimPrefix(r.URL.RequestURI(), "/acme/config.git"))
					w.WriteHeader(code)
				})
				err := everyRequest(t, repo, tip)
				if err == nil || !hit.Load() {
					t.Errorf("%d of %s to %s: %v, redirected: %v", code, step, place, err, hit.Load())
				}
				server.setFault(nil)
				for _, request := range server.take() {
					seen += len(request.authorization)
				}
			}
		}
	}
	if n := stranger.connections(); cells != 80 || n != 0 || seen == 0 {
		t.Errorf("%d cells, in which strangers were connected to %d times; the server saw %d credentials", cells, n, seen)
	}
}

// everyRequest fetches and pushes, until something fails.
func everyRequest(t *testing.T, repo *repository, tip string) error {
	t.Helper()
	ctx := t.Context()
	remote := repo.remote()
	if _, err := remote.Refs(ctx); err != nil {
		return err
	}
	objects, err := remote.Fetch(ctx, tip)
	if err != nil {
		return err
	}
	if _, err := remote.Tip(ctx, "main"); err != nil {
		return err
	}
	sha, err := objects.Commit(tip, []Change{{Path: "README.md", Content: []byte("new\n")}}, message("x"))
	if err != nil {
		return err
	}
	if err := remote.Push(ctx, objects, "main", tip, sha); err != nil {
		return err
	}
	return fmt.Errorf("pushed to %s", repo.tip("main"))
}

// strangers is a port at which nobody is expected.
type strangers struct {
	port string // ":1234"
	mu   sync.Mutex
	n    int
}

func listenForStrangers(t *testing.T) *strangers {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &strangers{port: ":" + port}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.n++
			s.mu.Unlock()
			_ = conn.Close()
		}
	}()
	return s
}

func (s *strangers) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}
