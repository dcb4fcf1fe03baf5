package config

import (
	"encoding/json"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/getpawl/pawl/pkg/image"
)

// Listed is one image of a list, with its place for messages.
type Listed struct {
	Text         string // [NAME=][REGISTRY/]REPOSITORY[:TAG][@DIGEST]
	Line, Column int
}

// ParseList reads a list of images, in YAML or JSON: texts, or mappings with the
// keys image, tag and digest. The name stands in the messages. The error joins all
// problems, each a [*Problem].
func ParseList(name string, src []byte) ([]Listed, error) {
	root, problem := document(name, plainJSON(src), "it needs a list of images")
	if problem != nil {
		return nil, problem
	}
	r := &reader{file: name}
	var list []Listed
	seen := lines{}
	r.list(value{Node: root}, maxImages, func(item value) {
		text, ok := r.listed(item)
		if ok && r.once(seen, text, item, "this image is in the list already") {
			list = append(list, Listed{text, item.Line, item.Column})
		}
	})
	if len(r.problems) > 0 {
		return nil, join(r.problems)
	}
	return list, nil
}

// plainJSON takes out of JSON what YAML lacks: tabs between values, and \/ in
// texts. Every line stays where it is.
func plainJSON(src []byte) []byte {
	if len(src) > maxBytes || !json.Valid(src) {
		return src
	}
	var out strings.Builder
	inText, escaped := false, false
	for _, c := range string(src) {
		switch {
		case c == '\t' && !inText:
			c = ' '
		case escaped && c != '/':
			out.WriteByte('\\')
		}
		if c == '\\' && inText && !escaped {
			escaped = true
			continue
		}
		if c == '"' && !escaped {
			inText = !inText
		}
		escaped = false
		out.WriteRune(c)
	}
	return []byte(out.String())
}

func (r *reader) listed(v value) (string, bool) {
	before := len(r.problems)
	if v.Kind == yaml.ScalarNode {
		text, ok := r.text(v, checkText)
		return text, ok
	}
	var name, tag, digest string
	r.mapping(v,
		key{name: "image", required: true, read: func(v value) { name, _ = r.text(v, checkText) }},
		key{name: "tag", read: func(v value) { tag, _ = r.text(v, checkTag) }},
		key{name: "digest", read: func(v value) { digest, _ = r.text(v, checkDigest) }},
	)
	if tag != "" {
		name += ":" + tag
	}
	if digest != "" {
		name += "@" + digest
	}
	return name, len(r.problems) == before
}

func checkTag(tag string) error {
	_, err := image.ParseTag(tag)
	return err
}

func checkDigest(digest string) error {
	if _, err := image.ParseDigest(digest); err != nil {
		return fmt.Errorf("this is not a digest: %w", err)
	}
	return nil
}
