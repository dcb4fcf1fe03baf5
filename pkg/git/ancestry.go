package git

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// Ancestry is a part of a history.
type Ancestry struct {
	// Commits are those that were read, each once: breadth first from the tips.
	Commits []Commit
	// Whole says that they are all that lead to the tips. Else those that are left out
	// are older than some of these, and nothing is known of them.
	Whole bool
}

// newestOf is what part of the commits that may be read is the newest generations that
// are asked for where the whole history is too long: with merges, a generation has
// several commits.
const newestOf = 10

// Ancestry returns the commits that lead to some commits, over all their parents and
// without folders and files. All come in one request, but for those that came before.
// Where they are more than limit, it returns the newest generations of them, a tenth
// of that number, for a second request; of the others the server only says how many.
// A commit is some 150 bytes on the wire.
//
// It returns [ErrNotFound] when the server does not have one of the tips.
func (r *Remote) Ancestry(ctx context.Context, limit int, tips ...string) (Ancestry, error) {
	ids := make([]plumbing.Hash, len(tips))
	for i, tip := range tips {
		var err error
		if ids[i], err = parseHash(tip); err != nil {
			return Ancestry{}, err
		}
	}
	o := newObjects(r.objects, r)
	known, missing, err := o.ancestry(ids, 0)
	if err != nil || len(missing) == 0 {
		return known, err
	}
	err = r.reading(ctx, func(server *advertisement) error { return r.fetchAncestry(ctx, server, ids, limit) })
	generations := 0
	if errors.Is(err, errTooMany) || errors.Is(err, errTooLarge) {
		generations = max(1, limit/newestOf)
		err = r.reading(ctx, func(server *advertisement) error {
			_, err := r.commitsOnly(ctx, server, wish{wants: ids, depth: generations})
			return err
		})
	}
	if err != nil {
		return Ancestry{}, fmt.Errorf("fetching history from %s: %w", r.name, err)
	}
	known, missing, err = o.ancestry(ids, generations)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("fetching history from %s: commit %s is missing", r.name, missing[0])
	}
	return known, err
}

// fetchAncestry gets all commits that lead to the tips, and of what it got this way
// before nothing again.
func (r *Remote) fetchAncestry(ctx context.Context, server *advertisement, tips []plumbing.Hash, limit int) error {
	plan := wish{wants: tips, haves: r.newest(&r.rooted)}
	plan.rules.most = limit
	if _, err := r.commitsOnly(ctx, server, plan); err != nil {
		return err
	}
	r.note(&r.rooted, tips...)
	return nil
}

// FetchHistory gets all commits that lead to a commit, each with all its folders, in
// one request; what came this way before does not come again. File contents come with
// them only from a server that cannot leave them out; [Objects.Load] gets those that
// are needed. Where all that is more than limit objects, it gets nothing, and whole is
// false. It returns [ErrNotFound] when the server does not have the commit.
func (r *Remote) FetchHistory(ctx context.Context, tip string, limit int) (objects *Objects, whole bool, err error) {
	id, err := parseHash(tip)
	if err != nil {
		return nil, false, err
	}
	err = r.reading(ctx, func(server *advertisement) error {
		plan := wish{wants: []plumbing.Hash{id}, haves: r.newest(&r.detailed)}
		plan.rules.most = limit
		plans := []wish{plan}
		if server.can.Supports(capability.Filter) && r.byID(server) {
			plan.filter = packp.FilterBlobNone()
			plans = []wish{plan, plans[0]}
		}
		return r.firstOf(plans, func(plan wish) error {
			_, err := r.fetchPack(ctx, server, plan)
			return err
		})
	})
	switch {
	case errors.Is(err, errTooMany), errors.Is(err, errTooLarge):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("fetching the history of %s from %s: %w", tip, r.name, err)
	}
	r.note(&r.detailed, id)
	r.note(&r.rooted, id)
	return newObjects(r.objects, r), true, nil
}

// newest returns the commits of a list that a server is told of.
func (r *Remote) newest(list *[]plumbing.Hash) []plumbing.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone((*list)[max(0, len(*list)-maxHaves):])
}

func (r *Remote) note(list *[]plumbing.Hash, ids ...plumbing.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, ids...)
}

// ancestry walks back from the tips, over so many generations at most (0: all). It
// says which commits are not here.
func (o *Objects) ancestry(tips []plumbing.Hash, generations int) (known Ancestry, missing []plumbing.Hash, err error) {
	seen := map[plumbing.Hash]bool{}
	level := fresh(seen, tips)
	for depth := 0; len(level) > 0; depth++ {
		if generations > 0 && depth == generations {
			return known, nil, nil
		}
		var next []plumbing.Hash
		for _, id := range level {
			here, err := o.commit(id)
			var absent *MissingError
			if errors.As(err, &absent) {
				missing = append(missing, id)
				continue
			}
			if err != nil {
				return Ancestry{}, nil, fmt.Errorf("reading commit %s: %w", id, err)
			}
			known.Commits = append(known.Commits, here.describe(id))
			next = append(next, fresh(seen, here.parents)...)
		}
		level = next
	}
	known.Whole = len(missing) == 0
	return known, missing, nil
}

// fresh returns the ids that were not seen, and notes them.
func fresh(seen map[plumbing.Hash]bool, ids []plumbing.Hash) []plumbing.Hash {
	var list []plumbing.Hash
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			list = append(list, id)
		}
	}
	return list
}
