package githubtest

import (
	"container/heap"
	"context"
)

// reachable returns every commit that can be reached from tip, tip included.
func (s *store) reachable(ctx context.Context, tip string) (map[string]*commit, error) {
	seen := map[string]*commit{}
	queue := []string{tip}
	for len(queue) > 0 {
		sha := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[sha] != nil {
			continue
		}
		c, err := s.commit(ctx, sha)
		if err != nil {
			return nil, err
		}
		seen[sha] = c
		queue = append(queue, c.parents...)
	}
	return seen, nil
}

// isAncestor says whether ancestor can be reached from tip; a commit is its own
// ancestor, as in git merge-base --is-ancestor.
func (s *store) isAncestor(ctx context.Context, ancestor, tip string) (bool, error) {
	seen := map[string]bool{}
	queue := []string{tip}
	for len(queue) > 0 {
		sha := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if sha == ancestor {
			return true, nil
		}
		if seen[sha] {
			continue
		}
		seen[sha] = true
		c, err := s.commit(ctx, sha)
		if err != nil {
			return false, err
		}
		queue = append(queue, c.parents...)
	}
	return false, nil
}

// missing lists the commits that tip has and base lacks, newest first: by
// committer date, and never a parent before its child (git rev-list --date-order).
// An empty base lacks everything.
func (s *store) missing(ctx context.Context, base, tip string) ([]*commit, error) {
	there := map[string]*commit{}
	if base != "" {
		known, err := s.reachable(ctx, base)
		if err != nil {
			return nil, err
		}
		there = known
	}
	ours := map[string]*commit{}
	queue := []string{tip}
	for len(queue) > 0 {
		sha := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if there[sha] != nil || ours[sha] != nil {
			continue
		}
		c, err := s.commit(ctx, sha)
		if err != nil {
			return nil, err
		}
		ours[sha] = c
		queue = append(queue, c.parents...)
	}
	return dateOrder(ours, tip), nil
}

// dateOrder sorts the commits of a set that hang below tip.
func dateOrder(set map[string]*commit, tip string) []*commit {
	children := map[string]int{}
	for _, c := range set {
		for _, parent := range c.parents {
			children[parent]++
		}
	}
	ready := &byDate{}
	if set[tip] != nil {
		heap.Push(ready, set[tip])
	}
	var order []*commit
	for ready.Len() > 0 {
		c, _ := heap.Pop(ready).(*commit)
		order = append(order, c)
		for _, parent := range c.parents {
			children[parent]--
			if children[parent] == 0 && set[parent] != nil {
				heap.Push(ready, set[parent])
			}
		}
	}
	return order
}

// byDate is a heap of commits, the newest on top. Equal dates fall back to the
// name, so that the order does not depend on how a map was walked.
type byDate []*commit

func (h byDate) Len() int { return len(h) }
func (h byDate) Less(i, j int) bool {
	if h[i].order != h[j].order {
		return h[i].order > h[j].order
	}
	return h[i].sha < h[j].sha
}
func (h byDate) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is for package heap.
func (h *byDate) Push(x any) {
	if c, ok := x.(*commit); ok {
		*h = append(*h, c)
	}
}

// Pop is for package heap.
func (h *byDate) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}

// mergeBase returns a best common ancestor of two commits, "" when there is none.
// Of several, the newest is taken.
func (s *store) mergeBase(ctx context.Context, a, b string) (string, error) {
	ofA, err := s.reachable(ctx, a)
	if err != nil {
		return "", err
	}
	ofB, err := s.reachable(ctx, b)
	if err != nil {
		return "", err
	}
	common := map[string]*commit{}
	for sha, c := range ofA {
		if ofB[sha] != nil {
			common[sha] = c
		}
	}
	best := &byDate{}
	inner := map[string]bool{}
	for _, c := range common {
		for _, parent := range c.parents {
			inner[parent] = true
		}
	}
	for sha, c := range common {
		if !inner[sha] {
			heap.Push(best, c)
		}
	}
	if best.Len() == 0 {
		return "", nil
	}
	return (*best)[0].sha, nil
}
