package git

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// maxMessage bounds what is kept of one commit's message, in bytes.
const maxMessage = 256 << 10

// Commit is a commit of a history. Its texts are somebody else's: valid UTF-8,
// and nothing else is promised of them.
type Commit struct {
	SHA     string
	Parents []string // the first is the one that the branch was at
	// Message is whole, with its trailers. Of one above 256 KiB it is the end.
	Message           string
	Author, Committer Signature // zero where the commit does not say
}

// History returns the first-parent history of a commit, newest first: at most
// limit commits, fewer when the history ends. It fetches no folders and no files.
// It returns [ErrNotFound] for a commit that the server does not have or show.
func (r *Remote) History(ctx context.Context, tip string, limit int) ([]Commit, error) {
	id, err := parseHash(tip)
	if err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, nil
	}
	o := newObjects(r.objects, r)
	if list, whole, err := o.History(tip); err == nil && (whole || len(list) >= limit) {
		return list[:min(limit, len(list))], nil
	}
	err = r.reading(ctx, func(server *advertisement) error { return r.fetchHistory(ctx, server, id, limit) })
	if err != nil {
		return nil, fmt.Errorf("fetching the history of %s from %s: %w", tip, r.name, err)
	}
	list, _, err := o.History(tip)
	return list[:min(limit, len(list))], err
}

// History returns what is here of the first-parent history of a commit, newest
// first. whole says that it reaches the first commit of all.
func (o *Objects) History(tip string) (commits []Commit, whole bool, err error) {
	id, err := parseHash(tip)
	if err != nil {
		return nil, false, err
	}
	for {
		found, err := o.get(id, plumbing.CommitObject)
		var missing *MissingError
		if errors.As(err, &missing) && len(commits) > 0 {
			return commits, false, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("reading commit %s: %w", id, err)
		}
		here, err := parseCommit(found.data)
		if err != nil {
			return nil, false, fmt.Errorf("reading commit %s: %w", id, err)
		}
		commits = append(commits, here.describe(id))
		if len(here.parents) == 0 {
			return commits, true, nil
		}
		id = here.parents[0]
	}
}

// Describe returns one commit that is here.
func (o *Objects) Describe(sha string) (Commit, error) {
	id, err := parseHash(sha)
	if err != nil {
		return Commit{}, err
	}
	found, err := o.commit(id)
	if err != nil {
		return Commit{}, fmt.Errorf("reading commit %s: %w", sha, err)
	}
	return found.describe(id), nil
}

// Descends says whether a commit has another one in its history, or is it. The
// server is asked for the commits that the one has and the other has not: the
// ancestor is one exactly when it is the parent of one of them.
//
// It returns [ErrNotFound] when the server does not know one of the two.
func (r *Remote) Descends(ctx context.Context, ancestor, descendant string) (bool, error) {
	old, err := parseHash(ancestor)
	if err != nil {
		return false, err
	}
	sha, err := parseHash(descendant)
	if err != nil {
		return false, err
	}
	if old == sha {
		return true, nil
	}
	found, err := r.between(ctx, old, sha)
	if err != nil {
		return false, fmt.Errorf("comparing %s with %s on %s: %w", ancestor, descendant, r.name, err)
	}
	for _, each := range found {
		if each.kind != plumbing.CommitObject {
			continue
		}
		if here, err := parseCommit(each.data); err == nil && here.hasParent(old) {
			return true, nil
		}
	}
	return false, nil
}

// between returns the objects that lead from one commit to another: commits only,
// where the server can leave the others out.
func (r *Remote) between(ctx context.Context, old, sha plumbing.Hash) (objects map[plumbing.Hash]object, err error) {
	err = r.reading(ctx, func(server *advertisement) error {
		got, err := r.commitsOnly(ctx, server, wish{wants: []plumbing.Hash{sha}, haves: []plumbing.Hash{old}})
		if err == nil && !got.common {
			err = fmt.Errorf("%w: %s", ErrNotFound, old)
		}
		objects = got.objects
		return err
	})
	return objects, err
}

func (r *Remote) fetchHistory(ctx context.Context, server *advertisement, tip plumbing.Hash, limit int) error {
	_, err := r.commitsOnly(ctx, server, wish{wants: []plumbing.Hash{tip}, depth: limit})
	return err
}

// commitsOnly sends a wish for commits. Where the server cannot leave out what is
// in them, it comes too.
func (r *Remote) commitsOnly(ctx context.Context, server *advertisement, plan wish) (got received, err error) {
	plans := []wish{plan}
	if server.can.Supports(capability.Filter) {
		plan.filter = packp.FilterTreeDepth(0)
		plans = []wish{plan, plans[0]}
	}
	err = r.firstOf(plans, func(plan wish) error {
		got, err = r.fetchPack(ctx, server, plan)
		return err
	})
	return got, err
}

// describe makes a commit fit for callers.
func (c commit) describe(id plumbing.Hash) Commit {
	parents := make([]string, len(c.parents))
	for i, parent := range c.parents {
		parents[i] = parent.String()
	}
	message := c.message[max(0, len(c.message)-maxMessage):]
	return Commit{
		SHA: id.String(), Parents: parents, Message: strings.ToValidUTF8(message, "\ufffd"),
		Author: parsePerson(c.author), Committer: parsePerson(c.committer),
	}
}

// parsePerson reads "Name <email> seconds zone" as far as it makes sense.
func parsePerson(line string) Signature {
	line = strings.ToValidUTF8(line, "\ufffd")
	person, when, _ := strings.Cut(line, ">")
	name, email, _ := strings.Cut(person, "<")
	s := Signature{Name: strings.TrimSpace(name), Email: strings.TrimSpace(email)}
	fields := strings.Fields(when)
	if len(fields) != 2 {
		return s
	}
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	zone, zoneErr := time.Parse("-0700", fields[1])
	if err == nil && zoneErr == nil && seconds >= 0 && seconds < 1<<40 {
		s.When = time.Unix(seconds, 0).In(zone.Location())
	}
	return s
}
