package manifest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxPath keeps a path that nobody can read from filling memory.
const maxPath = 1024

// place is where a mapping or a sequence hangs in its document.
type place struct {
	parent *place     // nil at the root
	node   *yaml.Node // the mapping or sequence
	key    string     // its key in the parent, when that is a mapping
	index  int        // its index in the parent, when that is a sequence
	text   string     // see own
	object string     // apiVersion/kind of the Kubernetes object around it, if there is one
}

// isRoot reports whether a place is the root of a document, be it one in a text.
func (p *place) isRoot() bool { return p.parent == nil || p.parent.node.Kind == yaml.ScalarNode }

// isA reports whether a place is in a Kubernetes object of an API group.
func (p *place) isA(group string) bool { return strings.HasPrefix(p.object, group) }

// path returns the way from the root, with more keys at the end.
func (p *place) path(more ...string) string {
	path := p.own()
	for _, key := range more {
		path = join(path, formatKey(key))
	}
	return path
}

// own returns the way to the place itself. It is kept: the items of a list share it.
func (p *place) own() string {
	if p.parent == nil || p.text != "" {
		return p.text
	}
	step := formatKey(p.key)
	switch p.parent.node.Kind {
	case yaml.ScalarNode: // the root of what a text says has the path of the text
		return p.parent.own()
	case yaml.SequenceNode:
		step = "[" + strconv.Itoa(p.index) + "]"
	}
	p.text = join(p.parent.own(), step)
	return p.text
}

// join adds a step to a path. Of a path that is too long, the end is kept.
func join(path, step string) string {
	dot := "."
	if path == "" || step[0] == '[' {
		dot = ""
	}
	if over := len(path) + len(step) - maxPath; over > 0 && over <= len(path) {
		path = "…" + strings.ToValidUTF8(path[over:], "")
	}
	return path + dot + step
}

// formatKey writes a key so that [ParsePath] reads it again.
func formatKey(key string) string {
	if len(key) > maxPath/8 {
		key = strings.ToValidUTF8(key[:maxPath/8], "") + "…"
	}
	if key == "" || strings.ContainsFunc(key, func(r rune) bool {
		return r <= ' ' || r == '.' || r == '[' || r == ']' || r == '"' || r == '\'' || !strconv.IsPrint(r)
	}) {
		return "[" + strconv.Quote(key) + "]"
	}
	return key
}

// Path leads from the root of a document to a node.
type Path []Step

// Step is one step of a [Path]: into a mapping by key, or into a sequence by index.
type Step struct {
	Key   string
	Index int
	Item  bool // the step goes into a sequence; Index counts, not Key
}

// ParsePath reads a path: keys with dots between them, and positions in a list,
// from 0, in brackets. A key with a dot or a bracket in it is written in brackets
// and double quotes: server.version, images[0].tag, annotations["acme.io/image"].
func ParsePath(s string) (Path, error) {
	var path Path
	rest := s
	for rest != "" {
		step, after, err := nextStep(rest)
		if err != nil {
			return nil, fmt.Errorf("reading path %s: %w", quote(s), err)
		}
		path = append(path, step)
		if len(path) > maxDepth {
			return nil, fmt.Errorf("reading path %s: it has more than %d steps", quote(s), maxDepth)
		}
		rest, err = cutDot(after)
		if err != nil {
			return nil, fmt.Errorf("reading path %s: %w", quote(s), err)
		}
	}
	if len(path) == 0 {
		return nil, errors.New("reading path: it is empty")
	}
	return path, nil
}

// cutDot takes away the dot between two steps.
func cutDot(rest string) (string, error) {
	if rest == "" || rest[0] == '[' {
		return rest, nil
	}
	if rest[0] != '.' || len(rest) == 1 || rest[1] == '.' || rest[1] == '[' {
		return "", fmt.Errorf("want a key after the dot, at %s", quote(rest))
	}
	return rest[1:], nil
}

func nextStep(s string) (Step, string, error) {
	if s[0] != '[' {
		end := strings.IndexAny(s, ".[")
		if end < 0 {
			end = len(s)
		}
		if end == 0 || strings.ContainsAny(s[:end], "]\"'") {
			return Step{}, "", fmt.Errorf("want a key at %s", quote(s))
		}
		return Step{Key: s[:end]}, s[end:], nil
	}
	if strings.HasPrefix(s, `["`) {
		return quotedStep(s)
	}
	digits, rest, found := strings.Cut(s[1:], "]")
	index, err := strconv.ParseUint(digits, 10, 31)
	if !found || err != nil {
		return Step{}, "", fmt.Errorf(`want [N] or ["key"] at %s`, quote(s))
	}
	return Step{Index: int(index), Item: true}, rest, nil
}

func quotedStep(s string) (Step, string, error) {
	quoted, err := strconv.QuotedPrefix(s[1:])
	if err != nil || !strings.HasPrefix(s[1+len(quoted):], "]") {
		return Step{}, "", fmt.Errorf(`want ["key"] at %s`, quote(s))
	}
	key, err := strconv.Unquote(quoted)
	if err != nil {
		return Step{}, "", fmt.Errorf("reading key %s: %w", quoted, err)
	}
	return Step{Key: key}, s[len(quoted)+2:], nil
}
