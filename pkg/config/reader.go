package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// reader walks the nodes of one file and notes every problem. It looks only
// where the format has something, so its depth is that of the format.
type reader struct {
	file     string
	problems []*Problem
}

// value is a node with the path that leads to it: environments[1].gates.checks.
type value struct {
	*yaml.Node
	path string
}

func (v value) key(node *yaml.Node, key string) value {
	if v.path != "" {
		key = v.path + "." + key
	}
	return value{Node: node, path: key}
}

func (v value) item(node *yaml.Node, i int) value {
	return value{Node: node, path: fmt.Sprintf("%s[%d]", v.path, i)}
}

// problem notes a problem at a value.
func (r *reader) problem(v value, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if v.path != "" {
		reason = v.path + ": " + reason
	}
	r.problems = append(r.problems, &Problem{File: r.file, Line: v.Line, Column: v.Column, Reason: reason})
}

// key is one key of a mapping.
type key struct {
	name     string
	required bool
	read     func(value) // nil: this version of pawl does not have it
	lacks    string      // what it does not have, for the message
}

// mapping hands the value of every key to its reader.
func (r *reader) mapping(v value, keys ...key) {
	if !r.is(v, yaml.MappingNode) {
		return
	}
	seen := lines{}
	for i := 0; i+1 < len(v.Content); i += 2 {
		written := value{Node: v.Content[i], path: v.path}
		if r.is(written, yaml.ScalarNode) && r.once(seen, written.Value, written, "the key "+quote(written.Value)+" is here already") {
			r.entry(keys, written, v.key(v.Content[i+1], written.Value))
		}
	}
	for _, k := range keys {
		if _, ok := seen[k.name]; k.required && !ok {
			r.problem(v, "the key %q is missing", k.name)
		}
	}
}

// entry reads one key of a mapping and its value.
func (r *reader) entry(keys []key, written, v value) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == written.Value })
	if i < 0 {
		r.problem(written, "%s", unknownKey(written.Value, keys))
		return
	}
	if keys[i].read == nil {
		v.Node = written.Node
		r.problem(v, "this version of pawl does not support %s; remove the key", keys[i].lacks)
		return
	}
	keys[i].read(v)
}

func unknownKey(written string, keys []key) string {
	if written == "<<" {
		return "merge keys are not supported; write the keys out"
	}
	var known []string
	for _, k := range keys {
		if k.read != nil {
			known = append(known, k.name)
		}
	}
	if near := nearest(written, known); near != "" {
		return fmt.Sprintf("there is no key %s; did you mean %q?", quote(written), near)
	}
	return fmt.Sprintf("there is no key %s; the keys here are %s", quote(written), strings.Join(known, ", "))
}

// list hands every item of a list to its reader, at most so many.
func (r *reader) list(v value, most int, read func(value)) {
	if !r.is(v, yaml.SequenceNode) {
		return
	}
	if len(v.Content) == 0 {
		r.problem(v, "the list is empty; write at least one item")
	}
	for i, node := range v.Content {
		item := v.item(node, i)
		if i == most {
			r.problem(item, "the list has %d items; pawl reads at most %d", len(v.Content), most)
			return
		}
		read(item)
	}
}

// texts reads a list of different texts that pass the check.
func (r *reader) texts(v value, most int, check func(string) error) []string {
	var texts []string
	seen := lines{}
	r.list(v, most, func(item value) {
		text, ok := r.text(item, check)
		if ok && r.once(seen, text, item, "this is in the list already") {
			texts = append(texts, text)
		}
	})
	return texts
}

// lines tells on which line something was first met.
type lines map[string]int

// once notes a problem at a value if the same was met before.
func (r *reader) once(seen lines, what string, v value, complaint string) bool {
	if first, ok := seen[what]; ok {
		r.problem(v, "%s, on line %d", complaint, first)
		return false
	}
	seen[what] = v.Line
	return true
}

// text reads a string that passes the check.
func (r *reader) text(v value, check func(string) error) (string, bool) {
	if !r.is(v, yaml.ScalarNode) {
		return "", false
	}
	switch v.ShortTag() {
	case "!!str", "!!timestamp": // a plain date is a string since YAML 1.2
	case "!!null":
		r.problem(v, "the value is missing")
		return "", false
	default:
		r.problem(v, "this must be text; put %s in quotes", quote(v.Value))
		return "", false
	}
	if err := check(v.Value); err != nil {
		r.problem(v, "%s: %v", quote(v.Value), err)
		return "", false
	}
	return v.Value, true
}

var numberRegexp = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)

// number reads a whole number. Only the plain decimal form is taken: 010 is
// eight in YAML 1.1 and ten in YAML 1.2.
func (r *reader) number(v value, least, most int) int {
	if !r.is(v, yaml.ScalarNode) {
		return 0
	}
	if v.ShortTag() == "!!int" && numberRegexp.MatchString(v.Value) {
		number, err := strconv.Atoi(v.Value)
		if err == nil && least <= number && number <= most {
			return number
		}
	}
	if least == most {
		r.problem(v, "this must be the number %d, not %s", least, quote(v.Value))
	} else {
		r.problem(v, "this must be a number from %d to %d, not %s", least, most, quote(v.Value))
	}
	return 0
}

// boolean reads true or false. The other words of YAML 1.1 are refused: a parser of
// YAML 1.2 reads them as text.
func (r *reader) boolean(v value) bool {
	if !r.is(v, yaml.ScalarNode) {
		return false
	}
	if v.ShortTag() == "!!bool" && (v.Value == "true" || v.Value == "false") {
		return v.Value == "true"
	}
	r.problem(v, "this must be true or false, not %s", quote(v.Value))
	return false
}

// duration reads a time such as 90m, 24h or 2d12h.
func (r *reader) duration(v value) Duration {
	text, ok := r.text(v, checkDuration)
	if !ok {
		return 0
	}
	d, _ := parseDuration(text) // checked above
	return d
}

// is says whether a value has that kind, and notes a problem if not. Anchors,
// aliases and tags are refused everywhere: a reviewer shall read every value of
// a policy where it applies, and an alias is never followed.
func (r *reader) is(v value, kind yaml.Kind) bool {
	switch {
	case v.Kind == yaml.AliasNode || v.Anchor != "":
		r.problem(v, "anchors and aliases are not supported; write the value out, or put a text that begins with * or & in quotes")
	case v.Style&yaml.TaggedStyle != 0:
		r.problem(v, "tags are not supported; put a text that begins with ! in quotes")
	case v.Kind == kind:
		return true
	case v.ShortTag() == "!!null":
		r.problem(v, "the value is missing")
	default:
		r.problem(v, "this must be %s, not %s", kindName(kind), kindName(v.Kind))
	}
	return false
}

func kindName(kind yaml.Kind) string {
	switch kind {
	case yaml.MappingNode:
		return "a mapping (key: value)"
	case yaml.SequenceNode:
		return "a list (- item)"
	default:
		return "a single value"
	}
}
