package githubtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say how a server behaves. The zero value is a server on a free port of
// the loopback interface, in a temporary directory, on which merges are noticed
// at once.
type Options struct {
	// Dir keeps the repositories. Empty: a temporary directory, removed by Close.
	Dir string
	// Addr is where to listen; 127.0.0.1:0 when empty.
	Addr string

	// Start is where the clock stands; 2026-01-05T09:00:00Z when zero.
	Start time.Time
	// Now is a clock that runs by itself, instead of one that stands still.
	Now func() time.Time

	// MergeDelay is how long it takes until a pull request reads as merged after
	// its base reached its head, on the server's clock. MergeReads is how many
	// reads of the pull request are answered with the transient states before it
	// does. When both are set, both must have passed.
	MergeDelay time.Duration
	MergeReads int
	// HeadDelay and HeadReads are the same for a pull request whose head branch
	// moved. Until then it shows the old head and is judged by it. When the base has
	// the new head by the time it shows, the pull request is closed and not merged
	// [issues zulip/zulip-mobile#5645, Mergifyio#4718].
	HeadDelay time.Duration
	HeadReads int
	// ListDelay is how long a new pull request is missing from lists, as on a
	// replica that lags.
	ListDelay time.Duration

	// RateLimit is the number of requests an hour that a token has. It is enforced
	// when positive. 0 reports 5000 and enforces nothing, so that a long test on a
	// clock that stands still does not run dry; negative sends no such headers, as
	// GitHub Enterprise Server does by default.
	RateLimit int
	// NoUpdateRefs removes the GraphQL mutation updateRefs from the schema, as on
	// a GitHub Enterprise Server from before it was there.
	NoUpdateRefs bool
	// NoCreateCommit does so with the mutation createCommitOnBranch.
	NoCreateCommit bool

	// Observe is called with every API request and its answer, one at a time.
	Observe func(Exchange)
}

// Server is a GitHub.
type Server struct {
	opts   Options
	dir    string
	git    string
	url    string
	clock  *clock
	routes []route
	http   *http.Server
	done   chan struct{}
	close  sync.Once
	gate   sync.RWMutex // held for reading by every request, and by Close

	observe sync.Mutex

	mu       sync.Mutex // guards what follows; taken after a repository's lock
	lastID   int64
	accounts map[string]*account
	tokens   map[string]*token
	teams    map[string][]*account  // by org/team in lower case
	repos    map[string]*repository // by lower-case owner/name
	moved    map[string]*repository // by a former name
	byID     map[int64]*repository
	log      []RefUpdate
	requests []Request
	faults   []*plannedFault
	serial   int64    // of requests, for X-GitHub-Request-Id
	signers  []string // SSH keys for signatures, as lines of an allowed signers file
}

// New starts a server. It needs the git binary.
func New(opts Options) (*Server, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("finding the git binary, which githubtest needs: %w", err)
	}
	dir := opts.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "githubtest-"); err != nil {
			return nil, fmt.Errorf("making a directory for repositories: %w", err)
		}
	}
	addr := opts.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr) // returns at once
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	s := &Server{
		opts: opts, dir: dir, git: git, clock: newClock(opts), done: make(chan struct{}),
		url:      "http://" + listener.Addr().String(),
		accounts: map[string]*account{}, tokens: map[string]*token{}, teams: map[string][]*account{},
		repos: map[string]*repository{}, moved: map[string]*repository{}, byID: map[int64]*repository{},
	}
	s.routes = routes()
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close stops the server, ends requests that hang, and removes the repositories
// if they are in a temporary directory; in Options.Dir they are left complete.
// Closing again does nothing.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.done)
		_ = s.http.Close()
		s.gate.Lock()
		defer s.gate.Unlock()
		if s.opts.Dir == "" {
			_ = os.RemoveAll(s.dir)
			return
		}
		for _, r := range s.all() {
			_ = r.flush(context.Background())
		}
	})
}

// URL is the server's address, without a slash at the end: http://127.0.0.1:PORT.
func (s *Server) URL() string { return s.url }

// APIURL is the root of the REST API, without a slash at the end.
func (s *Server) APIURL() string { return s.url + "/api/v3" }

// GraphQLURL is where GraphQL is.
func (s *Server) GraphQLURL() string { return s.url + "/api/graphql" }

// api is the API address of a path.
func (s *Server) api(path string) string { return s.url + "/api/v3" + path }

// idLocked gives out numbers for everything that has an id.
func (s *Server) idLocked() int64 {
	s.lastID++
	return s.lastID
}

func (s *Server) id() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idLocked()
}

// answer is a response that is ready to be sent.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ServeHTTP answers a request; it is what the server's own listener calls, and
// lets a server be mounted elsewhere.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	select {
	case <-s.done:
		return
	default:
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	fault := s.fault(r)
	if fault != nil && !fault.After && fault.Kind != Truncated {
		s.record(r, caller{}, 0, fault)
		s.spoil(w, r, fault, nil)
		return
	}
	// A request that is being worked on is finished even when its client goes
	// away, as on GitHub: what happens to a ref does not depend on who listens.
	ctx := context.WithoutCancel(r.Context())
	var honest *answer
	var who caller
	if strings.HasPrefix(r.URL.Path, "/api/") {
		honest, who = s.serveAPI(ctx, r, body)
	} else {
		honest, who = s.serveGit(ctx, r, body)
		honest.header.Set("Date", s.Now().Format(http.TimeFormat))
	}
	s.record(r, who, honest.status, fault)
	if fault != nil {
		s.spoil(w, r, fault, honest)
		return
	}
	send(w, honest)
}

func send(w http.ResponseWriter, a *answer) {
	for key, values := range a.header {
		w.Header()[key] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

func (s *Server) record(r *http.Request, who caller, status int, fault *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Status: status, Login: who.login(),
	}
	if fault != nil {
		entry.Fault = fault.Kind
	}
	s.requests = append(s.requests, entry)
}

// serveAPI answers a REST or GraphQL request.
func (s *Server) serveAPI(ctx context.Context, r *http.Request, body []byte) (*answer, caller) {
	q := &request{server: s, http: r, body: body, query: r.URL.Query()}
	result := s.respond(ctx, q)
	encoded, contentType := result.encode()
	a := &answer{status: result.status, header: http.Header{}, body: encoded}
	for key, values := range result.header {
		a.header[key] = values
	}
	s.decorate(a, q, contentType)
	s.show(q, a)
	return a, q.caller
}

// respond makes the response. A defect of this package must not look like a
// network failure, so it becomes a 500 that names it.
func (s *Server) respond(ctx context.Context, q *request) (result *response) {
	defer func() {
		if defect := recover(); defect != nil {
			result = render(fmt.Errorf("a defect in handling %s %s: %v", q.http.Method, q.http.URL.Path, defect))
		}
	}()
	result, err := s.dispatch(ctx, q)
	if err != nil {
		return render(err)
	}
	return result
}

// dispatch authenticates, finds the route and runs it.
func (s *Server) dispatch(ctx context.Context, q *request) (*response, error) {
	via := ViaAPI
	if q.isGraphQL() {
		via = ViaGraphQL
	}
	who, err := s.authenticate(q.http, via)
	q.caller = who
	if err != nil {
		return nil, err
	}
	if err := s.spend(who); err != nil {
		return nil, err
	}
	if q.isGraphQL() {
		return serveGraphQL(ctx, q)
	}
	match, err := s.match(q)
	if err != nil {
		return nil, err
	}
	if !match.inRepository() {
		if match.need == byApp() && who.app == nil {
			return nil, errNoAssertion()
		}
		return match.handle(ctx, q)
	}
	return s.inRepository(ctx, q, match)
}

// inRepository runs a handler while it holds the repository.
func (s *Server) inRepository(ctx context.Context, q *request, match route) (*response, error) {
	found, redirect := s.find(q.path["owner"] + "/" + q.path["repo"])
	if id := q.path["id"]; id != "" {
		found, redirect = s.findByID(id), false
	}
	if found == nil {
		return nil, errNotFound()
	}
	if redirect {
		return s.redirect(q, found)
	}
	found.network.mu.Lock()
	defer found.network.mu.Unlock()
	found.settle(ctx)
	q.repo, q.need = found, match.need
	if err := found.may(q.caller, match.need); err != nil {
		return nil, err
	}
	return match.handle(ctx, q)
}

// all lists the repositories.
func (s *Server) all() []*repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*repository, 0, len(s.byID))
	for _, r := range s.byID {
		list = append(list, r)
	}
	return list
}

// redirect answers for a repository that was renamed: 301 to the address by ID,
// which stays [docs: best practices for using the REST API, redirects; schema
// moved_permanently]. GitHub uses 301 for other methods than GET, too.
func (s *Server) redirect(q *request, found *repository) (*response, error) {
	if !found.visible(q.caller) {
		return nil, errNotFound()
	}
	rest := strings.Join(strings.Split(q.http.URL.EscapedPath(), "/")[6:], "/")
	target := s.api("/repositories/" + strconv.FormatInt(found.id, 10))
	if rest != "" {
		target += "/" + rest
	}
	if q.http.URL.RawQuery != "" {
		target += "?" + q.http.URL.RawQuery
	}
	return &response{
		status: http.StatusMovedPermanently,
		header: http.Header{"Location": {target}},
		body:   object{"message": "Moved Permanently", "url": target, "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"},
	}, nil
}

// decorate sets the headers that every API answer has.
func (s *Server) decorate(a *answer, q *request, contentType string) {
	s.mu.Lock()
	s.serial++
	serial := s.serial
	s.mu.Unlock()
	header := a.header
	header.Set("Date", s.Now().Format(http.TimeFormat))
	header.Set("Server", "github.com")
	header.Set("X-GitHub-Request-Id", fmt.Sprintf("%04X:%06X", s.lastPort(), serial))
	header.Set("X-GitHub-Media-Type", "github.v3; format=json")
	header.Set("X-GitHub-Api-Version-Selected", "2022-11-28")
	s.limits(header, q.caller)
	s.tokenHeaders(header, q)
	if a.status == http.StatusNoContent {
		return
	}
	if a.status == http.StatusOK && q.http.Method == http.MethodGet {
		tag := etag(a.body)
		header.Set("ETag", tag)
		if unchanged(q.http, tag) {
			s.refund(q.caller)
			s.limits(header, q.caller)
			a.status, a.body = http.StatusNotModified, nil
			return
		}
	}
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
}

// lastPort makes request ids of two servers differ.
func (s *Server) lastPort() int {
	address, err := url.Parse(s.url)
	if err != nil {
		return 0
	}
	return atoiOr(address.Port(), 0)
}

// show hands an exchange to the observer.
func (s *Server) show(q *request, a *answer) {
	if s.opts.Observe == nil {
		return
	}
	header := q.http.Header.Clone()
	header.Del("Authorization")
	s.observe.Lock()
	defer s.observe.Unlock()
	s.opts.Observe(Exchange{
		Method: q.http.Method, Path: q.http.URL.EscapedPath(), Query: q.http.URL.RawQuery,
		RequestHeader: header, RequestBody: bytes.Clone(q.body),
		Status: a.status, ResponseHeader: a.header.Clone(), ResponseBody: bytes.Clone(a.body),
		GraphQL: q.isGraphQL(),
	})
}

// CreateRepository makes an empty repository. The owner becomes an organization
// unless there is a user of that name.
func (s *Server) CreateRepository(ctx context.Context, name string, opts RepositoryOptions) (*Repository, error) {
	owner, short, ok := strings.Cut(name, "/")
	if !ok || owner == "" || short == "" || strings.ContainsAny(short, "/ ") {
		return nil, fmt.Errorf("creating repository %q: the name must be OWNER/NAME", name)
	}
	s.mu.Lock()
	_, taken := s.repos[strings.ToLower(name)]
	s.mu.Unlock()
	if taken {
		return nil, fmt.Errorf("creating repository %q: %w", name, errors.New("it exists already"))
	}
	return s.createRepository(ctx, owner, short, opts, nil)
}

// Repository finds a repository by owner/name.
func (s *Server) Repository(name string) (*Repository, bool) {
	found, _ := s.find(name)
	if found == nil {
		return nil, false
	}
	return &Repository{repo: found, actor: found.creator}, true
}

// find looks a repository up by name, and says whether it has another one now.
func (s *Server) find(name string) (*repository, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(strings.TrimSuffix(name, ".git"))
	if found := s.repos[key]; found != nil {
		return found, false
	}
	return s.moved[key], true
}

func (s *Server) findByID(id string) *repository {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[n]
}
