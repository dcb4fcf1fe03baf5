package github

import (
	"strings"
	"sync"
	"time"
)

// maxKnownCommits bounds the memory of a long run. A commit that is forgotten
// costs one more request.
const maxKnownCommits = 10000

// known is what earlier answers proved: who the repository is, and which commits
// this token can read in it. It turns a bare 404 into "absent" without asking
// again whether the token may look.
type known struct {
	mu      sync.Mutex
	id      string
	name    string
	visible bool
	commits map[string]bool
}

func (k *known) setRepository(id, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.id, k.name, k.visible = id, name, true
}

// addCommit notes a commit that was read from the repository's own refs.
func (k *known) addCommit(sha string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.visible = true
	if len(k.commits) < maxKnownCommits {
		k.commits[sha] = true
	}
}

func (k *known) repositoryID() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.id
}

// owner is the owner as spelled now, or fallback.
func (k *known) owner(fallback string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if owner, _, found := strings.Cut(k.name, "/"); found {
		return owner
	}
	return fallback
}

func (k *known) isVisible() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.visible
}

func (k *known) hasCommit(sha string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.commits[sha]
}

// clock keeps the newest time that the service stated.
type clock struct {
	mu   sync.Mutex
	last time.Time
}

func (c *clock) see(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.last) {
		c.last = t
	}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}
