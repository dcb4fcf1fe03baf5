package git

import (
	"fmt"
	"strings"
)

const branchPrefix = "refs/heads/"

// branchRef returns the full ref name of a branch. The rules are those of git
// check-ref-format: https://git-scm.com/docs/git-check-ref-format
func branchRef(branch string) (string, error) {
	if reason := badBranch(branch); reason != "" {
		return "", fmt.Errorf("%q is not a branch name: it %s", branch, reason)
	}
	return branchPrefix + branch, nil
}

func badBranch(name string) string {
	switch {
	case name == "":
		return "is empty"
	case name == "@" || name == "HEAD":
		return "stands for another name"
	case strings.HasPrefix(name, "-"):
		return "begins with a dash"
	case strings.HasSuffix(name, "."):
		return "ends in a dot"
	case strings.Contains(name, "..") || strings.Contains(name, "@{"):
		return `contains ".." or "@{"`
	case len(name) > 1000:
		return "is too long"
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c == 0x7f || strings.IndexByte(`~^:?*[\`, c) >= 0 {
			return "contains a character that Git forbids"
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return `has a part that is empty, begins with a dot or ends in ".lock"`
		}
	}
	return ""
}
