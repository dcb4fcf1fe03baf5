package manifest

import (
	"fmt"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Problem is why a file cannot be read or an edit is refused.
type Problem struct {
	File         string
	Line, Column int // from 1; 0 when not known
	Reason       string
	// Unreadable says that the file as a whole is not YAML that pawl can read: a
	// template, a broken or oversized file. All other problems are about one place.
	Unreadable bool
}

// Error returns file:line:column: reason, as compilers write it.
func (p *Problem) Error() string {
	switch {
	case p.Line == 0:
		return fmt.Sprintf("%s: %s", p.File, p.Reason)
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Reason)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Reason)
}

// quote shows a text from a file in a message: what it says is not trusted, nor how
// long it is.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}

// problem reports what is wrong with a node of the source.
func (s *source) problem(n *yaml.Node, format string, args ...any) *Problem {
	line, column := s.where(n)
	return &Problem{File: s.file, Line: line, Column: column, Reason: fmt.Sprintf(format, args...)}
}
