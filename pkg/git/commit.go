package git

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Change is the new content of one file.
type Change struct {
	Path    string // from the repository's root, with slashes
	Content []byte // as Git stores it
}

// commit is what pawl needs to know of a commit object.
type commit struct {
	tree      plumbing.Hash
	parents   []plumbing.Hash
	author    string // the line without its key
	committer string // likewise
	subject   string
	message   string // with the subject
}

func (c commit) hasParent(id plumbing.Hash) bool { return slices.Contains(c.parents, id) }

// Commit makes a commit on a parent in which the given files have new contents,
// and returns its id. Files that are new get mode 100644; all others keep theirs.
// When nothing differs from the parent it makes no commit and returns the parent.
func (o *Objects) Commit(parent string, changes []Change, message Message) (string, error) {
	id, err := parseHash(parent)
	if err != nil {
		return "", err
	}
	root, err := o.root(id)
	if err != nil {
		return "", err
	}
	edits, err := editsOf(changes)
	if err != nil {
		return "", fmt.Errorf("committing: %w", err)
	}
	tree, err := o.splice("", root, edits)
	if err != nil {
		return "", fmt.Errorf("committing: %w", err)
	}
	if tree == root {
		return parent, nil
	}
	data, err := formatCommit(tree, []plumbing.Hash{id}, message)
	if err != nil {
		return "", fmt.Errorf("committing: %w", err)
	}
	return o.keep(made{object: object{plumbing.CommitObject, data}}).String(), nil
}

func formatCommit(tree plumbing.Hash, parents []plumbing.Hash, message Message) ([]byte, error) {
	author, err := message.Author.line()
	if err != nil {
		return nil, err
	}
	committer, err := message.Committer.line()
	if err != nil {
		return nil, err
	}
	text, err := message.format()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", tree)
	for _, parent := range parents {
		fmt.Fprintf(&b, "parent %s\n", parent)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s", author, committer, text)
	return b.Bytes(), nil
}

// parseCommit reads the header of a commit object: one line for the tree, one for
// each parent, then the others.
func parseCommit(data []byte) (commit, error) {
	header, text, _ := strings.Cut(string(data), "\n\n")
	var c commit
	for i, line := range strings.Split(header, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch {
		case key == "tree" && i == 0, key == "parent" && i == 1+len(c.parents):
			id, err := parseHash(value)
			if err != nil {
				return commit{}, fmt.Errorf("the commit is malformed: %w", err)
			}
			if i == 0 {
				c.tree = id
			} else {
				c.parents = append(c.parents, id)
			}
		case key == "author" && c.author == "":
			c.author = value
		case key == "committer" && c.committer == "":
			c.committer = value
		}
	}
	if c.tree.IsZero() {
		return commit{}, errors.New("the commit is malformed: it has no tree")
	}
	c.message = text
	c.subject, _, _ = strings.Cut(text, "\n")
	return c, nil
}
