package git

import (
	"context"
	"fmt"
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
// files in scope, and the newest commits of its history (0: itself only), in as
// few requests as the server allows. It returns the regular files in scope,
// sorted by path: symbolic links and submodules are left out, and never followed.
//
// On the objects, commits can be made that change files in the folders of the
// scope. It returns [ErrNotFound] for a commit that the server does not have or
// show.
func (r *Remote) FetchFiles(ctx context.Context, commit string, scope Scope, history int) (*Objects, []File, error) {
	objects, err := r.Fetch(ctx, commit)
	if err != nil {
		return nil, nil, err
	}
	files, err := objects.scoped(commit, scope)
	if err != nil {
		return nil, nil, fmt.Errorf("fetching from %s: %w", r.base, err)
	}
	if err := objects.Load(ctx, files); err != nil {
		return nil, nil, err
	}
	if history > 1 {
		_, err = r.History(ctx, commit, history)
	}
	return objects, files, err
}
