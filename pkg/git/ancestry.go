package git

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Ancestry returns the commits that lead to each of some commits, over all their
// parents and so many generations back at most: breadth first, so that the tip comes
// first. All come in one request, without folders and files. It returns
// [ErrNotFound] when the server does not have one of the tips.
func (r *Remote) Ancestry(ctx context.Context, generations int, tips ...string) ([][]Commit, error) {
	ids := make([]plumbing.Hash, len(tips))
	for i, tip := range tips {
		var err error
		if ids[i], err = parseHash(tip); err != nil {
			return nil, err
		}
	}
	o := newObjects(r.objects, r)
	if lists, whole, err := o.ancestries(ids, generations); err == nil && whole {
		return lists, nil
	}
	err := r.reading(ctx, func(server *advertisement) error {
		_, err := r.commitsOnly(ctx, server, wish{wants: ids, depth: generations})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("fetching history from %s: %w", r.name, err)
	}
	lists, whole, err := o.ancestries(ids, generations)
	if err == nil && !whole {
		err = fmt.Errorf("fetching history from %s: commits are missing", r.name)
	}
	return lists, err
}

// ancestries walks back from each tip. whole says that nothing was missing.
func (o *Objects) ancestries(tips []plumbing.Hash, generations int) (lists [][]Commit, whole bool, err error) {
	whole = true
	for _, tip := range tips {
		list, all, err := o.ancestry(tip, generations)
		if err != nil {
			return nil, false, err
		}
		lists, whole = append(lists, list), whole && all
	}
	return lists, whole, nil
}

func (o *Objects) ancestry(tip plumbing.Hash, generations int) (list []Commit, whole bool, err error) {
	seen := map[plumbing.Hash]bool{tip: true}
	level := []plumbing.Hash{tip}
	for ; len(level) > 0 && generations > 0; generations-- {
		var next []plumbing.Hash
		for _, id := range level {
			here, err := o.commit(id)
			var missing *MissingError
			if errors.As(err, &missing) {
				return list, false, nil
			}
			if err != nil {
				return nil, false, fmt.Errorf("reading commit %s: %w", id, err)
			}
			list = append(list, here.describe(id))
			for _, parent := range here.parents {
				if !seen[parent] {
					seen[parent] = true
					next = append(next, parent)
				}
			}
		}
		level = next
	}
	return list, true, nil
}
