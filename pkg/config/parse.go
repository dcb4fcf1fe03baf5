package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Parse reads a configuration file. The name stands in the messages and in
// [Config.Source]. The error joins all problems of the file, each a [*Problem],
// in the order of the file.
func Parse(name string, src []byte) (*Config, error) {
	root, problem := document(name, src, "it needs at least the keys version and environments")
	if problem != nil {
		return nil, problem
	}
	r := &reader{file: name}
	c := r.config(value{Node: root})
	if len(r.problems) > 0 {
		return nil, join(r.problems)
	}
	c.Source = name
	return c, nil
}

// document returns the root of the only document in the file.
func document(name string, src []byte, needs string) (*yaml.Node, *Problem) {
	refuse := func(line, column int, format string, args ...any) (*yaml.Node, *Problem) {
		return nil, &Problem{File: name, Line: line, Column: column, Reason: fmt.Sprintf(format, args...)}
	}
	if len(src) > maxBytes {
		return refuse(1, 1, "the file has %d bytes; pawl reads at most %d", len(src), maxBytes)
	}
	if !utf8.Valid(src) {
		return refuse(invalidLine(src), 1, "the file is not UTF-8 text")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return refuse(1, 1, "the file is empty; %s", needs)
	case err != nil:
		return nil, syntaxProblem(name, src, err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return refuse(second.Line, second.Column, "a second YAML document begins here; the file must hold one")
	case !errors.Is(err, io.EOF):
		return nil, syntaxProblem(name, src, err)
	}
	return first.Content[0], nil
}

// invalidLine returns the number of the first line that is not UTF-8.
func invalidLine(src []byte) int {
	line := 1
	for text := range bytes.Lines(src) {
		if !utf8.Valid(text) {
			break
		}
		line++
	}
	return line
}

var syntaxErrorRegexp = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxProblem turns an error of the YAML parser into a problem. The parser
// tells no column, and its lines have two bases: errors of its grammar, as
// opposed to its scanner, count from zero (yaml.v3 decode.go, parser.fail).
func syntaxProblem(name string, src []byte, err error) *Problem {
	problem := &Problem{File: name, Line: 1, Column: 1}
	text := err.Error()
	if m := syntaxErrorRegexp.FindStringSubmatch(text); m != nil {
		text = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil {
			problem.Line = line
			if grammarError(text) {
				problem.Line++
			}
		}
	}
	if anchor, ok := strings.CutPrefix(text, "unknown anchor '"); ok {
		anchor, _, _ = strings.Cut(anchor, "'")
		problem.Line, problem.Column = position(src, "*"+anchor)
	}
	problem.Reason = "this is not valid YAML: " + text
	if strings.Contains(text, "unknown anchor") || strings.Contains(text, "did not find expected alphabetic") {
		problem.Reason += "; put a value that begins with * or & in quotes"
	}
	return problem
}

// grammarError tells messages of yaml.v3's parserc.go from those of scannerc.go.
func grammarError(text string) bool {
	for _, said := range []string{"node content", "key", "'-' indicator", "',' or ']'", "',' or '}'", "<document start>", "<stream-start>"} {
		if text == "did not find expected "+said {
			return true
		}
	}
	return strings.HasPrefix(text, "found undefined tag handle")
}

// position finds a text in the file and returns line and column of its first place.
func position(src []byte, text string) (line, column int) {
	before, _, found := bytes.Cut(src, []byte(text))
	if !found {
		return 1, 1
	}
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}
