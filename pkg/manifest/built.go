package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// BuiltChange is a Kubernetes object that is not the same in two builds.
type BuiltChange struct {
	Object
	Before, After []string // the lines of the object, in one form for all; nil where there is none
}

// CompareBuilt pairs the objects of two builds, such as the output of kustomize, by
// group, kind, namespace and name, and returns those that differ, by kind, namespace
// and name.
//
// The lines are for people to read: the keys are sorted, and there are no comments.
// No value of a Secret is in them, and none of what is named like a password, looks
// like a token or is a private key; one that changed says so. What a secret is
// cannot be known for sure.
func CompareBuilt(before, after []byte) ([]BuiltChange, error) {
	old, err := builtObjects(before)
	if err != nil {
		return nil, err
	}
	next, err := builtObjects(after)
	if err != nil {
		return nil, err
	}
	var list []BuiltChange
	for key, object := range next {
		list = append(list, pairBuilt(old[key], object))
		delete(old, key)
	}
	for _, object := range old {
		list = append(list, pairBuilt(object, nil))
	}
	list = slices.DeleteFunc(list, func(c BuiltChange) bool { return slices.Equal(c.Before, c.After) })
	slices.SortFunc(list, func(a, b BuiltChange) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// built is one object of a build.
type built struct {
	Object
	secret bool
	value  any
}

// errNoObject: a document of a build is something else than a Kubernetes object.
var errNoObject = errors.New("the build has a document without kind and name")

// builtObjects reads the documents of a build. Each is read by itself: a line of
// three dashes can be nothing else than the end of a document.
// https://yaml.org/spec/1.2.2/#914-explicit-documents
func builtObjects(src []byte) (map[string]*built, error) {
	objects := map[string]*built{}
	for i, text := range strings.Split("\n"+string(src), "\n---\n") {
		if strings.TrimSpace(text) == "" {
			continue
		}
		s, err := read(fmt.Sprintf("object %d of the build", i+1), []byte(text))
		if err != nil {
			return nil, err
		}
		for _, doc := range s.docs {
			object, ok := objectIn(doc)
			if !ok {
				return nil, errNoObject
			}
			one := &built{Object: object}
			if err := doc.Decode(&one.value); err != nil {
				return nil, fmt.Errorf("reading %s %s of the build: %w", object.Kind, object.Name, err)
			}
			group, _, _ := strings.Cut(scalarText(value(doc.Content[0], "apiVersion")), "/")
			one.secret = object.Kind == "Secret" && group == "v1"
			objects[strings.Join([]string{group, object.Kind, object.Namespace, object.Name}, "\x00")] = one
		}
	}
	return objects, nil
}

func pairBuilt(before, after *built) BuiltChange {
	var change BuiltChange
	for _, each := range []*built{before, after} {
		if each != nil {
			change.Object = each.Object
		}
	}
	hider := hider{secret: before != nil && before.secret || after != nil && after.secret}
	var old, next any
	if before != nil {
		old = before.value
		change.Before = builtLines(hider.hide(old, nil, nil, false))
	}
	if after != nil {
		next = after.value
		hider.compare = before != nil
		change.After = builtLines(hider.hide(next, old, nil, false))
	}
	return change
}

// builtLines writes a value as YAML.
func builtLines(value any) []string {
	text, err := yaml.Marshal(value)
	if err != nil { // it was read from YAML
		return []string{"(cannot be written: " + err.Error() + ")"}
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// hider replaces what may be a secret.
type hider struct {
	secret  bool // the object is a Secret
	compare bool // there is an earlier value to compare with
}

const (
	hiddenValue   = "(hidden)"
	hiddenChanged = "(hidden, another value)"
)

var (
	secretKey  = regexp.MustCompile(`(?i)(password|passwd|passphrase|secret|token|api[._-]?key|access[._-]?key|private[._-]?key|credentials?)$`)
	secretText = regexp.MustCompile(`(?i)(password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)["']?\s*[:=]\s*[^\s{]|://[^/\s:@]+:[^/\s@]+@`)
)

// hide returns a value without its secrets. Earlier is what stood in the same place
// before; all says that everything below is secret.
func (h hider) hide(value, earlier any, path []string, all bool) any {
	switch v := value.(type) {
	case map[any]any: // a key is a number or a boolean
		return h.hide(textKeys(v), textKeys(earlier), path, all)
	case map[string]any:
		was, _ := earlier.(map[string]any)
		result := make(map[string]any, len(v))
		name, _ := v["name"].(string)
		for key, item := range v {
			_, text := item.(string)
			secret := all || h.isSecret(path, key) ||
				text && (secretKey.MatchString(key) || key == "value" && secretKey.MatchString(name))
			result[key] = h.hide(item, was[key], append(slices.Clone(path), key), secret)
		}
		return result
	case []any:
		was, _ := earlier.([]any)
		result := make([]any, len(v))
		for i, item := range v {
			var before any
			if i < len(was) {
				before = was[i]
			}
			result[i] = h.hide(item, before, append(slices.Clone(path), "[]"), all)
		}
		return result
	}
	if all {
		return h.mark(value, earlier)
	}
	if text, ok := value.(string); ok {
		return h.hideText(text, earlier)
	}
	return value
}

// textKeys makes the keys of a mapping texts.
func textKeys(value any) any {
	mapping, ok := value.(map[any]any)
	if !ok {
		return value
	}
	result := make(map[string]any, len(mapping))
	for key, item := range mapping {
		result[fmt.Sprint(key)] = item
	}
	return result
}

// isSecret says whether all below a key of a Secret is secret: its values, and the
// copy of them that kubectl leaves in an annotation.
// https://kubernetes.io/docs/concepts/configuration/secret/
func (h hider) isSecret(path []string, key string) bool {
	if !h.secret {
		return false
	}
	return len(path) == 0 && (key == "data" || key == "stringData") || key == "kubectl.kubernetes.io/last-applied-configuration"
}

func (h hider) mark(value, earlier any) string {
	if h.compare && fmt.Sprint(value) != fmt.Sprint(earlier) {
		return hiddenChanged
	}
	return hiddenValue
}

// hideText hides the lines of a text that look like a secret, and all of one with a
// private key in it.
func (h hider) hideText(text string, earlier any) string {
	if strings.Contains(text, "-----BEGIN") {
		return h.mark(text, earlier)
	}
	lines := strings.Split(text, "\n")
	was, _ := earlier.(string)
	before := strings.Split(was, "\n")
	for i, line := range lines {
		secret := secretText.MatchString(line)
		for _, token := range tokens() {
			secret = secret || token.shape.MatchString(line)
		}
		if !secret {
			continue
		}
		if lines[i] = h.mark(line, line); i >= len(before) || before[i] != line {
			lines[i] = h.mark(text, earlier)
		}
	}
	return strings.Join(lines, "\n")
}
