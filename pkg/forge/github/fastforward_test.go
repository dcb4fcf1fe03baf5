package github

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
)

// origin is a server with one branch, "dev", and commits A - B, with C beside.
type origin struct {
	mu      sync.Mutex
	head    string // "" when the branch is gone
	graphql func(o *origin, w http.ResponseWriter, update refUpdateSeen)
	patch   func(o *origin, w http.ResponseWriter)
	lag     int // so many reads still show the old head
	shown   string
	bodies  []string
}

type refUpdateSeen struct {
	Name, BeforeOid, AfterOid string
	Force                     *bool
}

func (o *origin) handle(w http.ResponseWriter, r *http.Request, _ int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v3/repos/acme/config"); {
	case strings.HasSuffix(path, "/graphql"):
		o.graphql(o, w, o.readUpdate(r))
	case r.Method == http.MethodPatch:
		data, _ := io.ReadAll(r.Body)
		o.bodies = append(o.bodies, string(data))
		o.patch(o, w)
	case path == "":
		write(w, 200, repositoryFor(r))
	case strings.HasPrefix(path, "/compare/"):
		o.compare(w, strings.TrimPrefix(path, "/compare/"))
	default:
		o.show(w)
	}
}

func (o *origin) readUpdate(r *http.Request) refUpdateSeen {
	data, _ := io.ReadAll(r.Body)
	o.bodies = append(o.bodies, string(data))
	var body struct {
		Variables struct {
			Input struct{ RefUpdates []refUpdateSeen }
		}
	}
	if err := json.Unmarshal(data, &body); err != nil || len(body.Variables.Input.RefUpdates) != 1 {
		return refUpdateSeen{}
	}
	return body.Variables.Input.RefUpdates[0]
}

func (o *origin) show(w http.ResponseWriter) {
	head := o.head
	if o.lag > 0 {
		o.lag--
		head = o.shown
	}
	if head == "" {
		write(w, 404, `{"message":"Not Found"}`)
		return
	}
	write(w, 200, refJSON("dev", head))
}

func (o *origin) compare(w http.ResponseWriter, pair string) {
	base, head, _ := strings.Cut(pair, "...")
	switch {
	case base == shaA && head == shaB:
		write(w, 200, compareJSON("ahead", base, base, 1, 0, commitJSON(shaB, shaA)))
	case base == shaB && head == shaA:
		write(w, 200, compareJSON("behind", base, head, 0, 1))
	case base == head:
		write(w, 200, compareJSON("identical", base, base, 0, 0))
	case head == shaD || base == shaD:
		write(w, 404, `{"message":"Not Found"}`)
	case head == shaOrphan:
		write(w, 404, `{"message":"No common ancestor between aaa and fff."}`)
	default:
		write(w, 200, compareJSON("diverged", base, shaA, 1, 1, commitJSON(head, shaA)))
	}
}

const (
	shaD      = "dddddddddddddddddddddddddddddddddddddddd"
	shaOrphan = "ffffffffffffffffffffffffffffffffffffffff"
)

const done = `{"data":{"updateRefs":{"clientMutationId":null}}}`

// swap is a server that does what updateRefs says.
func swap(o *origin, w http.ResponseWriter, update refUpdateSeen) {
	if update.BeforeOid != o.head || update.Name != "refs/heads/dev" || update.Force == nil || *update.Force {
		write(w, 200, `{"data":{"updateRefs":null},"errors":[{"type":"UNPROCESSABLE","message":"Reference update failed"}]}`)
		return
	}
	o.head = strings.Trim(update.AfterOid, "0")
	write(w, 200, done)
}

func says(body string) func(*origin, http.ResponseWriter, refUpdateSeen) {
	return func(_ *origin, w http.ResponseWriter, _ refUpdateSeen) { write(w, 200, body) }
}

func refuses(kind, message string) func(*origin, http.ResponseWriter, refUpdateSeen) {
	data, _ := json.Marshal(map[string]any{"data": object{"updateRefs": nil}, "errors": []object{{"type": kind, "message": message}}})
	return says(string(data))
}

const oldServer = `{"errors":[{"message":"Field 'updateRefs' doesn't exist on type 'Mutation'","extensions":{"code":"undefinedField"}}]}`

func TestFastForward(t *testing.T) {
	t.Parallel()
	moveTo := func(sha string, status int, body string) func(o *origin, w http.ResponseWriter) {
		return func(o *origin, w http.ResponseWriter) {
			if sha != "" {
				o.head = sha
			}
			write(w, status, body)
		}
	}
	moved := `{"ref":"refs/heads/dev","object":{"type":"commit","sha":"` + shaB + `"}}`
	for _, tt := range []struct {
		name    string
		head    string
		sha     string
		graphql func(*origin, http.ResponseWriter, refUpdateSeen)
		patch   func(*origin, http.ResponseWriter)
		kind    error // nil with want "": success; nil with a text: refused
		want    string
		sent    int // mutations
	}{
		{name: "swap", head: shaA, sha: shaB, graphql: swap, sent: 1},
		{name: "moved before", head: shaC, sha: shaB, graphql: swap, kind: forge.ErrMoved, want: "it is at " + shaC, sent: 1},
		{name: "there already", head: shaB, sha: shaB, graphql: swap, sent: 1},
		{name: "gone", head: "", sha: shaB, graphql: swap, kind: forge.ErrMoved, want: "it is gone", sent: 1},
		{name: "diverged", head: shaA, sha: shaC, graphql: refuses("UNPROCESSABLE", "whatever"), kind: forge.ErrNotFastForward, want: shaC + " compared with " + shaA + " is diverged", sent: 1},
		{name: "unrelated", head: shaA, sha: shaOrphan, graphql: refuses("UNPROCESSABLE", "whatever"), kind: forge.ErrNotFastForward, want: "no ancestor in common", sent: 1},
		{name: "unknown commit", head: shaA, sha: shaD, graphql: refuses("UNPROCESSABLE", "whatever"), kind: forge.ErrNotFound, want: "no commit " + shaD, sent: 1},
		{name: "rules", head: shaA, sha: shaB,
			graphql: refuses("UNPROCESSABLE", "Repository rule violations found\n\nChanges must be made through a pull request.\n\nNo.\n"),
			want:    "updating refs/heads/dev of acme/config was refused: Changes must be made through a pull request.; No.", sent: 1},
		{name: "workflow files", head: shaA, sha: shaB,
			graphql: refuses("UNPROCESSABLE", "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission"),
			kind:    forge.ErrAccess, want: "needs the permission workflows: write", sent: 1},
		{name: "old server", head: shaA, sha: shaB, graphql: says(oldServer), patch: moveTo(shaB, 200, moved), sent: 2},
		{name: "old server, moved", head: shaC, sha: shaB, graphql: says(oldServer), kind: forge.ErrMoved, want: shaC, sent: 1},
		{name: "old server, other branch answer", head: shaA, sha: shaB, graphql: says(oldServer), patch: moveTo("", 200, strings.ReplaceAll(moved, shaB, shaC)),
			kind: forge.ErrTransient, want: "not known", sent: 3},
		{name: "no GraphQL for this token", head: shaA, sha: shaB, graphql: refuses("FORBIDDEN", "Resource not accessible by personal access token"),
			patch: moveTo(shaB, 200, moved), sent: 2},
		{name: "no GraphQL at all", head: shaA, sha: shaB, graphql: func(_ *origin, w http.ResponseWriter, _ refUpdateSeen) { write(w, 404, `{"message":"Not Found"}`) },
			patch: moveTo(shaB, 200, moved), sent: 2},
		{name: "no permission", head: shaA, sha: shaB, graphql: func(_ *origin, w http.ResponseWriter, _ refUpdateSeen) {
			write(w, 403, `{"message":"Resource not accessible by integration"}`)
		}, patch: moveTo("", 403, `{"message":"Resource not accessible by integration"}`), kind: forge.ErrAccess, want: "contents: write", sent: 2},
		{name: "hidden", head: shaA, sha: shaB, graphql: says(oldServer), patch: moveTo("", 404, `{"message":"Not Found"}`), kind: forge.ErrAccess, want: "may not change it", sent: 2},
		{name: "REST: not a fast-forward, in any words", head: shaA, sha: shaC, graphql: says(oldServer), patch: moveTo("", 422, `{"message":"Nein"}`),
			kind: forge.ErrNotFastForward, want: "is diverged", sent: 2},
		{name: "REST: protected", head: shaA, sha: shaB, graphql: says(oldServer), patch: moveTo("", 422, `{"message":"At least 1 approving review is required"}`),
			want: "was refused: At least 1 approving review is required", sent: 2},
		{name: "REST: raced", head: shaA, sha: shaB, graphql: says(oldServer), patch: moveTo(shaC, 422, `{"message":"Update is not a fast forward"}`),
			kind: forge.ErrMoved, want: shaC, sent: 2},
		{name: "bad token", head: shaA, sha: shaB, graphql: func(_ *origin, w http.ResponseWriter, _ refUpdateSeen) {
			write(w, 401, `{"message":"Bad credentials"}`)
		},
			kind: forge.ErrAccess, want: "401", sent: 1},
		{name: "internal error", head: shaA, sha: shaB, graphql: says(`{"data":null,"errors":[{"message":"Something went wrong while executing your query. Please include 1:2"}]}`),
			kind: forge.ErrTransient, want: "not known", sent: 2},
		{name: "no data", head: shaA, sha: shaB, graphql: says(`{"data":null}`), kind: forge.ErrTransient, want: "not known", sent: 2},
		{name: "partial data", head: shaA, sha: shaB, graphql: says(`{"data":{"updateRefs":null}}`), kind: forge.ErrTransient, want: "not known", sent: 2},
		{name: "no field", head: shaA, sha: shaB, graphql: says(`{"data":{}}`), kind: forge.ErrTransient, want: "not known", sent: 2},
		{name: "nothing", head: shaA, sha: shaB, graphql: says(`{}`), kind: forge.ErrTransient, want: "not known", sent: 2},
		{name: "success without effect", head: shaA, sha: shaB, graphql: says(done), kind: forge.ErrTransient, want: "the branch still reads as " + shaA, sent: 1},
		{name: "success, then another commit", head: shaA, sha: shaB, graphql: func(o *origin, w http.ResponseWriter, _ refUpdateSeen) {
			o.head = shaC
			write(w, 200, done)
		}, kind: forge.ErrMoved, want: shaC, sent: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &origin{head: tt.head, graphql: tt.graphql, patch: tt.patch}
			c, j := serve(t, o.handle)
			err := c.FastForward(t.Context(), "dev", shaA, tt.sha)
			wantText(t, err, tt.want)
			if tt.want != "" || tt.kind != nil {
				wantKind(t, err, tt.kind)
			} else if err == nil && o.head != tt.sha {
				t.Errorf("success, and the branch is at %s", o.head)
			}
			if len(o.bodies) != tt.sent {
				t.Errorf("sent %d mutations, want %d: %q", len(o.bodies), tt.sent, j.requests)
			}
			for _, body := range o.bodies {
				if !strings.Contains(body, `"force":false`) || strings.Contains(body, `"force":true`) {
					t.Errorf("force is not false in %s", body)
				}
			}
		})
	}
}

// TestFastForwardLostAnswer: the server does it, or not, and the answer is lost.
func TestFastForwardLostAnswer(t *testing.T) {
	t.Parallel()
	for name, fail := range broken {
		for _, tt := range []struct {
			name    string
			effects []string // where the branch is after the n-th mutation
			want    error
			sent    int
		}{
			{"landed", []string{shaB}, nil, 1},
			{"landed at once more", []string{shaA, shaB}, nil, 2},
			{"never", []string{shaA, shaA}, forge.ErrTransient, 2},
			{"another one won", []string{shaC, shaC}, forge.ErrMoved, 1},
			{"gone", []string{""}, forge.ErrMoved, 1},
		} {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				sent := 0
				loses := func(o *origin, w http.ResponseWriter) {
					o.head = tt.effects[sent]
					sent++
					fail(w)
				}
				for api, o := range map[string]*origin{
					"GraphQL": {head: shaA, graphql: func(o *origin, w http.ResponseWriter, _ refUpdateSeen) { loses(o, w) }},
					"REST":    {head: shaA, graphql: says(oldServer), patch: loses},
				} {
					sent = 0
					c, _ := serve(t, o.handle)
					err := c.FastForward(t.Context(), "dev", shaA, shaB)
					if !errors.Is(err, tt.want) || sent != tt.sent {
						t.Errorf("%s: got %v after %d mutations", api, err, sent)
					}
				}
			})
		}
	}
}

func TestFastForwardPastIt(t *testing.T) {
	t.Parallel()
	// The branch went from A to B and on to E before it was read back.
	shaE := strings.Repeat("e", 40)
	o := &origin{head: shaA, graphql: func(o *origin, w http.ResponseWriter, _ refUpdateSeen) {
		o.head = shaE
		write(w, 200, done)
	}}
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if strings.HasSuffix(r.URL.Path, "/compare/"+shaB+"..."+shaE) {
			write(w, 200, compareJSON("ahead", shaB, shaB, 1, 0, commitJSON(shaE, shaB)))
			return
		}
		o.handle(w, r, n)
	})
	if err := c.FastForward(t.Context(), "dev", shaA, shaB); err != nil {
		t.Error(err)
	}
}

func TestFastForwardWaitsForTheRead(t *testing.T) {
	t.Parallel()
	o := &origin{head: shaA, shown: shaA, graphql: func(o *origin, w http.ResponseWriter, update refUpdateSeen) {
		o.lag = 3
		swap(o, w, update)
	}}
	c, j := serve(t, o.handle)
	if err := c.FastForward(t.Context(), "dev", shaA, shaB); err != nil || j.waited() != 3*time.Second {
		t.Errorf("got %v after %s", err, j.waited())
	}
}

func TestFastForwardRequests(t *testing.T) {
	t.Parallel()
	o := &origin{head: shaA, graphql: swap}
	c, j := serve(t, o.handle)
	if err := c.FastForward(t.Context(), "dev", shaA, shaB); err != nil {
		t.Fatal(err)
	}
	j.wantRequests(t, "GET ", "POST /api/graphql", "GET /git/ref/heads/dev")
	o.head = shaA
	if err := c.FastForward(t.Context(), "dev", shaA, shaB); err != nil {
		t.Fatal(err)
	}
	if len(j.requests) != 5 {
		t.Errorf("the second move took %d requests, want 2", len(j.requests)-3)
	}
}

func TestFastForwardToItself(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]error{shaA: nil, shaC: forge.ErrMoved} {
		o := &origin{head: head, graphql: swap}
		c, _ := serve(t, o.handle)
		if err := c.FastForward(t.Context(), "dev", shaA, shaA); !errors.Is(err, want) || len(o.bodies) != 0 {
			t.Errorf("at %s: got %v and %d mutations", head, err, len(o.bodies))
		}
	}
}
