package gate

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// ownersRule is one line of a CODEOWNERS file.
type ownersRule struct {
	pattern []string // segments, see matchOwners
	folder  bool     // it ended in a slash: it owns what is below, not a file of that name
	owners  []string // @login, @org/team or an e-mail address; none: nobody owns it
}

var ownerRegexp = regexp.MustCompile(`^(@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?|[^@\s#]+@[^@\s#]+\.[^@\s#]+)$`)

// parseOwners reads a CODEOWNERS file. GitHub skips a line that it cannot read, and
// so drops the owners that somebody counts on; here it is an error.
// https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-syntax
func parseOwners(file OwnersFile) ([]ownersRule, error) {
	switch {
	case len(file.Content) >= maxOwners:
		return nil, fmt.Errorf("%s has %d bytes, and GitHub reads less than %d", file.Path, len(file.Content), maxOwners)
	case !utf8.Valid(file.Content):
		return nil, fmt.Errorf("%s is not UTF-8 text", file.Path)
	}
	var rules []ownersRule
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(file.Content), "\uFEFF")) {
		number++
		words := ownersWords(strings.TrimRight(line, "\r\n"))
		if len(words) == 0 {
			continue
		}
		rule, err := parseOwnersRule(words)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file.Path, number, err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// ownersWords takes a line apart at white space and drops the comment. A backslash
// keeps the character behind it.
func ownersWords(line string) []string {
	var words []string
	word := ""
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '#' && word == "":
			return words
		case c == ' ' || c == '\t':
			if word != "" {
				words = append(words, word)
			}
			word = ""
		case c == '\\' && i+1 < len(line):
			word += line[i : i+2]
			i++
		default:
			word += line[i : i+1]
		}
	}
	if word != "" {
		words = append(words, word)
	}
	return words
}

func parseOwnersRule(words []string) (ownersRule, error) {
	pattern := words[0]
	rule := ownersRule{owners: words[1:]}
	for _, owner := range rule.owners {
		if !ownerRegexp.MatchString(owner) {
			return rule, fmt.Errorf("%q is neither an account, a team nor an e-mail address", owner)
		}
	}
	switch {
	case strings.HasPrefix(pattern, "!"):
		return rule, errors.New("a pattern cannot be negated")
	case strings.ContainsAny(pattern, "[]"):
		return rule, errors.New("a pattern cannot have ranges of characters")
	case strings.HasPrefix(pattern, `\#`):
		return rule, errors.New("a pattern cannot begin with an escaped #")
	case strings.Contains(pattern, "***"), strings.Contains(pattern, "//"), strings.HasSuffix(pattern, `\`):
		return rule, fmt.Errorf("the pattern %q is malformed", pattern)
	}
	pattern, rule.folder = strings.CutSuffix(pattern, "/")
	anchored := strings.Contains(pattern, "/")
	pattern = strings.TrimPrefix(pattern, "/")
	if pattern == "" {
		return rule, errors.New(`the pattern "/" matches nothing`)
	}
	rule.pattern = strings.Split(pattern, "/")
	if !anchored {
		rule.pattern = append([]string{"**"}, rule.pattern...)
	}
	return rule, nil
}

// ownersOf returns the owners of a file. The last rule that matches counts, also
// when it has none.
func ownersOf(rules []ownersRule, path string) []string {
	parts := strings.Split(path, "/")
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].matches(parts) {
			return rules[i].owners
		}
	}
	return nil
}

// matches says whether a rule is about a file. The rules are those of .gitignore: a
// pattern without a slash in it matches in any folder, and a folder that matches
// takes along what is below. The one exception is a pattern that ends in /*, which
// matches the files of that folder only.
func (r ownersRule) matches(parts []string) bool {
	last := r.pattern[len(r.pattern)-1]
	files := last == "*" && (len(r.pattern) > 2 || r.pattern[0] != "**") && !r.folder
	for end := len(parts); end > 0; end-- {
		whole := end == len(parts)
		if whole && r.folder || !whole && files {
			continue
		}
		if matchSegments(r.pattern, parts[:end]) {
			return true
		}
	}
	return false
}

// matchSegments matches a whole path against a pattern in which ** stands for any
// number of folders. It keeps the set of positions that the pattern can be at, so
// that its time is bounded by the product of both lengths.
func matchSegments(pattern, parts []string) bool {
	at := make([]bool, len(pattern)+1)
	at[0] = true
	for _, part := range parts {
		next := make([]bool, len(pattern)+1)
		skip(pattern, at)
		for i, segment := range pattern {
			switch {
			case !at[i]:
			case segment == "**":
				next[i] = true
				next[i+1] = next[i+1] || i == len(pattern)-1 // at the end it stands for one part or more
			case matchSegment(segment, part):
				next[i+1] = true
			}
		}
		at = next
	}
	return at[len(pattern)]
}

// skip lets ** stand for nothing, except at the end.
func skip(pattern []string, at []bool) {
	for i := 0; i+1 < len(pattern); i++ {
		if at[i] && pattern[i] == "**" {
			at[i+1] = true
		}
	}
}

// matchSegment matches a name against a pattern with * and ?.
func matchSegment(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		_, width := utf8.DecodeRuneInString(name[n:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			n += width
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == name[n]:
			p += 2
			n++
		case p < len(pattern) && pattern[p] != '\\' && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			_, width := utf8.DecodeRuneInString(name[mark:])
			mark += width
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
