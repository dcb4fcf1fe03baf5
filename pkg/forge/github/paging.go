package github

import (
	"fmt"

	gh "github.com/google/go-github/v60/github"
)

const (
	perPage  = 100
	maxPages = 100
)

// list reads the pages of a list until there is no more, or until limit items
// were kept (0: no limit). It fails rather than leave something out.
//
// A page that is full and names no next one is followed by one more request: a
// proxy that drops the Link header must not cut the list.
func list[T, U any](limit int, fetch func(gh.ListOptions) ([]T, *gh.Response, error), keep func(T) (U, bool, error)) ([]U, error) {
	var kept []U
	page := 1
	for range maxPages {
		items, resp, err := fetch(gh.ListOptions{Page: page, PerPage: perPage})
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			value, ok, err := keep(item)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			kept = append(kept, value)
			if limit > 0 && len(kept) == limit {
				return kept, nil
			}
		}
		if resp.NextPage == 0 && len(items) < perPage {
			return kept, nil
		}
		if resp.NextPage != 0 && resp.NextPage <= page {
			return nil, unreadable("page %d of a list names page %d as the next one", page, resp.NextPage)
		}
		page = max(page+1, resp.NextPage)
	}
	return nil, fmt.Errorf("the list has more than %d pages of %d, which is more than pawl reads", maxPages, perPage)
}
