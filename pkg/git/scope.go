package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// The sizes at which one way of asking becomes cheaper than another. They were
// measured on repositories of 50 to 50,000 files.
const (
	// readOn is how much of an answer is read in any case, in bytes: below it, the
	// rest costs less than a new connection does.
	readOn = 128 << 10
	// lookAgain is after how many more bytes it is seen what is still to come.
	lookAgain = 8 << 10
	// maxByID is how many folders are asked for by id rather than waited for.
	maxByID = 64
	// maxBelow is how many objects below those are taken without being asked for.
	maxBelow = 1000
	// shortHistory is how many commits come along with the folders: the server then
	// looks through what changed in each. More are asked for without their folders.
	shortHistory = 20
	// smallFile is the size up to which files come along with their folder.
	smallFile = "64k"
)

// Scope says which part of a commit's tree is needed.
type Scope struct {
	// Folder says that files of interest can be in a folder or below it; nil: in
	// any folder. The root, "", always counts.
	Folder func(path string) bool
	// File says that a file is of interest; nil: every file is.
	File func(path string) bool
}

func (s Scope) folder(path string) bool { return path == "" || s.Folder == nil || s.Folder(path) }
func (s Scope) file(path string) bool   { return s.File == nil || s.File(path) }

// FetchFiles gets a commit, the folders that the scope needs, the contents of the
// files in scope, and the newest commits of its history (0: itself only; up to 20
// cost no request of their own), in as few requests as the server allows. It
// returns the regular files in scope, sorted by path: symbolic links and submodules
// are left out, and never followed.
//
// On the objects, commits can be made that change files in the folders of the
// scope. What was fetched before is not fetched again, and of a branch that moved
// only what changed is. It returns [ErrNotFound] for a commit that the server does
// not have or show: over SSH, that is each commit that is no head any more, unless
// the server allows more.
func (r *Remote) FetchFiles(ctx context.Context, commit string, scope Scope, history int) (*Objects, []File, error) {
	id, err := parseHash(commit)
	if err != nil {
		return nil, nil, err
	}
	f := &partial{r: r, objects: newObjects(r.objects, r), commit: id, scope: scope, history: max(1, history)}
	var files []File
	err = r.reading(ctx, func(server *advertisement) error {
		files, err = f.fetch(ctx, server)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("fetching from %s: %w", r.name, err)
	}
	return f.objects, files, nil
}

// Borrow takes over what a checkout has of a commit in scope, so that it is not
// fetched. A checkout that lacks some of it, or cannot be read, changes nothing.
func (r *Remote) Borrow(ctx context.Context, checkout *Checkout, commit string, scope Scope) {
	id, err := parseHash(commit)
	if err != nil || len(r.objects.missing([]plumbing.Hash{id})) == 0 {
		return
	}
	database := newDatabase(checkout.git)
	objects := newObjects(database, nil)
	files, err := objects.Scoped(commit, scope)
	if err == nil {
		err = objects.Load(ctx, files)
	}
	if err != nil {
		r.trace("taking %s from the checkout: %v", commit, err)
		return
	}
	r.objects.add(database.read)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads = append(r.heads, id)
}

// partial is a fetch of a part of a commit.
type partial struct {
	r       *Remote
	objects *Objects
	commit  plumbing.Hash
	scope   Scope
	history int
}

// survey is what is here of the part.
type survey struct {
	files   []File          // in scope
	folders []plumbing.Hash // in scope, and not here
	begun   bool            // the commit and its root are here
}

func (f *partial) survey(objects *Objects) (survey, error) {
	here, err := objects.commit(f.commit)
	var missing *MissingError
	if errors.As(err, &missing) {
		return survey{}, nil
	}
	if err != nil {
		return survey{}, err
	}
	w := &walk{objects: objects, scope: f.scope, left: f.r.limits.Entries, partial: true}
	if err := w.from(here.tree); err != nil {
		return survey{}, fmt.Errorf("reading the files of %s: %w", f.commit, err)
	}
	slices.SortFunc(w.missing, func(a, b plumbing.Hash) int { return slices.Compare(a[:], b[:]) })
	folders := slices.Compact(w.missing)
	return survey{files: w.files, folders: folders, begun: !slices.Contains(folders, here.tree)}, nil
}

// fetch tries the part, then all folders, then everything.
func (f *partial) fetch(ctx context.Context, server *advertisement) ([]File, error) {
	reason := f.r.noParts(server)
	if reason == "" {
		files, err := f.parts(ctx, server)
		var said *saidError
		if !errors.As(err, &said) {
			return files, err
		}
		switch missing := notOurs(err); {
		case missing != nil && strings.Contains(said.text, f.commit.String()):
			return nil, missing
		case missing == nil && server.assumed:
			return nil, err
		}
		f.r.mu.Lock()
		f.r.whole = true
		f.r.mu.Unlock()
		reason = err.Error()
	}
	f.r.trace("fetching all of %s: %s", f.commit, reason)
	return f.everything(ctx, server)
}

// parts gets the folders from the top down, then the files and the history.
func (f *partial) parts(ctx context.Context, server *advertisement) ([]File, error) {
	for range maxDepth {
		here, err := f.survey(f.objects)
		if err != nil {
			return nil, err
		}
		switch {
		case !here.begun:
			err = f.begin(ctx, server)
		case len(here.folders) > 0:
			err = f.folders(ctx, server, here)
		default:
			return here.files, f.contents(ctx, server, here.files)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, &saidError{"packs in which folders are missing"}
}

// noParts says why a server cannot send a part of a commit; empty: it can.
func (r *Remote) noParts(server *advertisement) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.whole:
		return "the server cannot send a part of it"
	case !server.can.Supports(capability.Filter):
		return "the server has no filters"
	case !r.byID(server):
		return "the server sends nothing by its id"
	}
	return ""
}

// byID says whether folders and files can be asked for by their ids. Over HTTP no
// server of Git's remembers what it showed, so that it has to look anyhow.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-uploadpackallowReachableSHA1InWant
func (r *Remote) byID(server *advertisement) bool {
	return r.shell == nil || server.can.Supports("allow-reachable-sha1-in-want") || server.can.Supports("allow-any-sha1-in-want")
}

// begin gets the commit and folders from the root down. A server sends them in
// that order, so that the answer need not be read to its end. With other commits
// here, only what differs from them comes.
func (f *partial) begin(ctx context.Context, server *advertisement) error {
	plan := wish{wants: []plumbing.Hash{f.commit}, depth: 1, filter: packp.FilterBlobNone()}
	plan.rules = packRules{partial: true, choose: func() choice { return &reading{f: f, next: readOn} }}
	if f.history <= shortHistory {
		plan.depth = f.history
	}
	f.r.mu.Lock()
	plan.haves = slices.Clone(f.r.heads[max(0, len(f.r.heads)-maxHaves):])
	f.r.mu.Unlock()
	if len(plan.haves) > 0 {
		plan.shallow, plan.depth = f.r.objects.boundary(), f.history
	}
	if _, err := f.r.fetchPack(ctx, server, plan); err != nil {
		return err
	}
	if root, err := f.objects.root(f.commit); err != nil || len(f.r.objects.missing([]plumbing.Hash{root})) > 0 {
		return &saidError{"a pack without " + f.commit.String()}
	}
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	f.r.heads = append(f.r.heads, f.commit)
	return nil
}

// reading is the [choice] from a pack that begins a partial fetch.
type reading struct {
	f       *partial
	next    int64           // how many bytes are to be read before the next look
	missing []plumbing.Hash // at the last look; nil: nothing is known
}

// enough says when to stop: once what is missing can be asked for by id, and
// nothing of it came with the last bit. A folder that is on its way, as the difference
// from an older one that was sent before it, is not to be asked for with all below it.
func (r *reading) enough(read int64, objects map[plumbing.Hash]object) bool {
	if read < r.next {
		return false
	}
	before := r.missing
	if !r.look(objects) || len(r.missing) > maxByID {
		r.next = 2 * read
		return false
	}
	r.next = read + lookAgain
	return len(r.missing) == 0 || slices.Equal(r.missing, before)
}

// wanted says whether a folder is in scope.
func (r *reading) wanted(id plumbing.Hash, objects map[plumbing.Hash]object) bool {
	came := func(id plumbing.Hash) bool { _, ok := objects[id]; return ok }
	if (r.missing == nil || slices.ContainsFunc(r.missing, came)) && !r.look(objects) {
		return true
	}
	return slices.Contains(r.missing, id)
}

// look surveys what came so far. It reports false as long as that tells nothing.
func (r *reading) look(objects map[plumbing.Hash]object) bool {
	r.missing = nil
	here, err := r.f.survey(newObjects(layer{objects, r.f.r.objects}, r.f.r))
	if err != nil || !here.begun {
		return false
	}
	r.missing = append([]plumbing.Hash{}, here.folders...)
	return true
}

// folders gets folders by their ids with all that is below them, the files that are
// known already, and meanwhile the history. Where that is too much, the files come
// later.
func (f *partial) folders(ctx context.Context, server *advertisement, here survey) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if !f.hasHistory() {
			if err := f.r.fetchHistory(ctx, server, f.commit, f.history); err != nil {
				f.r.trace("fetching the history of %s: %v", f.commit, err) // it is asked for again
			}
		}
	}()
	err := f.below(ctx, server, here)
	if err != nil {
		cancel()
	}
	<-done
	if err == nil && len(f.r.objects.missing(here.folders)) > 0 {
		err = &saidError{"a pack without the folders that were asked for"}
	}
	return err
}

func (f *partial) below(ctx context.Context, server *advertisement, here survey) error {
	plan := wish{wants: slices.Concat(here.folders, f.r.objects.missing(blobs(here.files))), filter: packp.Filter("blob:limit=" + smallFile), rules: packRules{most: maxBelow}}
	if len(here.folders) <= maxByID {
		_, err := f.r.fetchPack(ctx, server, plan)
		var said *saidError
		if !errors.Is(err, errTooMany) && !errors.As(err, &said) {
			return err
		}
		f.r.trace("fetching folders with their files: %v", err)
	}
	plan.wants, plan.filter, plan.rules.most = here.folders, packp.FilterBlobNone(), 0
	_, err := f.r.fetchPack(ctx, server, plan)
	return err
}

// contents gets files by their ids, and the commits of the history beside them:
// what is asked for by its id comes whatever the filter.
func (f *partial) contents(ctx context.Context, server *advertisement, files []File) error {
	plan := wish{wants: f.r.objects.missing(blobs(files))}
	if !f.hasHistory() {
		plan.wants, plan.depth, plan.filter = append(plan.wants, f.commit), f.history, packp.FilterTreeDepth(0)
	}
	if len(plan.wants) == 0 {
		return nil
	}
	if _, err := f.r.fetchPack(ctx, server, plan); err != nil {
		return err
	}
	if len(f.r.objects.missing(plan.wants)) > 0 || !f.hasHistory() {
		return &saidError{"a pack without the files that were asked for"}
	}
	return nil
}

func blobs(files []File) []plumbing.Hash {
	ids := make([]plumbing.Hash, len(files))
	for i, file := range files {
		ids[i] = plumbing.NewHash(file.Blob)
	}
	return ids
}

// hasHistory says whether as much of the history is here as is wanted.
func (f *partial) hasHistory() bool {
	list, whole, err := f.objects.History(f.commit.String())
	return err == nil && (whole || len(list) >= f.history)
}

// everything is for servers that cannot send parts: all folders, then the files;
// or all of it at once.
func (f *partial) everything(ctx context.Context, server *advertisement) ([]File, error) {
	if err := f.complete(ctx, server); err != nil {
		return nil, err
	}
	if !f.hasHistory() {
		if err := f.r.fetchHistory(ctx, server, f.commit, f.history); err != nil {
			return nil, err
		}
	}
	return f.objects.Scoped(f.commit.String(), f.scope)
}

func (f *partial) complete(ctx context.Context, server *advertisement) error {
	wants := []plumbing.Hash{f.commit}
	if !f.r.holds(f.commit) {
		if err := f.r.fetchTips(ctx, server, wants); err != nil {
			return err
		}
	}
	files, err := f.objects.Scoped(f.commit.String(), f.scope)
	if err != nil {
		return err
	}
	err = f.objects.Load(ctx, files)
	var said *saidError
	if !errors.As(err, &said) {
		return err
	}
	f.r.trace("fetching files by their ids: %v", err)
	_, err = f.r.fetchPack(ctx, server, wish{wants: wants, depth: 1})
	return err
}
