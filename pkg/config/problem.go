package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is something in a configuration file that pawl cannot accept.
type Problem struct {
	File   string
	Line   int // counted from 1
	Column int // counted from 1, in characters
	Reason string
}

// Error renders the problem as compilers do, "file:line:column: reason", so that
// editors and CI systems can link to the place.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Reason)
}

// maxProblems bounds the report on a hostile or wholly different file.
const maxProblems = 100

// join makes one error of the problems, in the order of the file.
func join(problems []*Problem) error {
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	errs := make([]error, 0, min(len(problems), maxProblems+1))
	for i, p := range problems {
		if i == maxProblems {
			rest := *p
			rest.Reason = fmt.Sprintf("%d more problems from here on", len(problems)-maxProblems)
			errs = append(errs, &rest)
			break
		}
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

// quote renders a text of the file for a message, on one line and not too long.
func quote(text string) string {
	const most = 60
	runes := []rune(text)
	if len(runes) <= most {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q…", string(runes[:most]))
}

// nearest returns the known key that the written one is probably meant to be,
// or an empty string.
func nearest(written string, known []string) string {
	const longest = 32 // no key is nearly as long
	if len(written) > longest {
		return ""
	}
	best, bestDistance := "", 3
	for _, key := range known {
		d := distance(strings.ToLower(written), key)
		if d < bestDistance && d < len(key)/2 {
			best, bestDistance = key, d
		}
	}
	return best
}

// distance counts the edits between two short texts: a character added, left
// out, replaced, or swapped with its neighbor (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
