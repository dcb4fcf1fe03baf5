package manifest

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// isText reports whether a YAML parser takes the scalar for a string.
func isText(n *yaml.Node) bool {
	return n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagString
}

// isEmpty reports whether there is no text: no node, null or an empty string.
func isEmpty(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && (n.ShortTag() == yaml.NodeTagNull || n.Value == "")
}

// scalarText returns a scalar as it is written; null is no text. A number is
// text here: "newTag: 1.10" means 1.10, whatever a parser makes of it.
func scalarText(n *yaml.Node) string {
	if isEmpty(n) {
		return ""
	}
	return n.Value
}

// isScalar reports whether the value of a key, if there is one, is a scalar
// without a tag of its own ("!!float 1.1", "!vault x").
func isScalar(n *yaml.Node) bool {
	if n == nil {
		return true
	}
	return n.Kind == yaml.ScalarNode && (n.Style&yaml.TaggedStyle == 0 || n.ShortTag() == yaml.NodeTagString)
}

// numberLike matches what YAML 1.1 (https://yaml.org/type/) or the core schema of
// YAML 1.2 reads as a number, a time of day or a date.
var numberLike = regexp.MustCompile(`(?i)^(` +
	`[-+]?0[box][0-9a-f_]+` +
	`|[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)(e[-+]?[0-9]+)?` +
	`|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?` +
	`|[-+]?\.(inf|nan)` +
	`|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t \t].*)?` +
	`)$`)

// ambiguous reports whether some YAML parser would not read the plain text, one that
// is [plainSafe], as a string. Go programs disagree among themselves: kustomize reads YAML 1.2 with
// the words of 1.1, the API server reads 1.1, Helm goes through JSON.
func ambiguous(text string) bool {
	switch strings.ToLower(text) {
	case "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<":
		return true
	}
	return numberLike.MatchString(text) || !isText(yaml.NewScalarRNode(text).YNode())
}

// keepsKind reports whether a text can stand without quotes since it is of the same
// kind as what it replaces: a number, or a boolean.
func (c assignment) keepsKind() bool {
	n := c.pair.value
	if !c.keepKind || n == nil || n.Kind != yaml.ScalarNode || n.Style != 0 {
		return false
	}
	switch n.ShortTag() {
	case yaml.NodeTagInt, yaml.NodeTagFloat:
		return isNumber(c.text)
	case yaml.NodeTagBool:
		return c.text == "true" || c.text == "false"
	}
	return isSwitch(n.Value) && isSwitch(c.text)
}

// isNumber reports whether every parser reads the text as the same number, and would
// write it with the same digits: 1.10 would become 1.1, and 0123 is 83 to some.
func isNumber(text string) bool {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(i, 10) == text
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) && strconv.FormatFloat(f, 'f', -1, 64) == text
}

// isSwitch reports whether the text is a boolean of YAML 1.1 (https://yaml.org/type/bool.html)
// that is a string in YAML 1.2.
func isSwitch(text string) bool {
	switch text {
	case "yes", "no", "on", "off":
		return true
	}
	return false
}

// plainSafe matches texts that can stand without quotes everywhere, in a flow
// mapping as well. It takes every image reference.
var plainSafe = regexp.MustCompile(`^[A-Za-z0-9_/.]([A-Za-z0-9_./:@=+-]*[A-Za-z0-9_./@+-])?$`)

var errText = errors.New("the new text cannot be written in the style of the old one")

// spell writes a text in the style of the scalar that it replaces. It returns the
// text without the quotes that are there already, and the new style.
func spell(text string, style yaml.Style, quote bool) (string, yaml.Style, error) {
	switch style &^ yaml.TaggedStyle {
	case yaml.DoubleQuotedStyle:
		return text, style, printable(text, `"\`)
	case yaml.SingleQuotedStyle:
		return text, style, printable(text, `'`)
	case yaml.LiteralStyle, yaml.FoldedStyle:
		if text == "" || strings.TrimSpace(text) != text {
			return "", 0, errText
		}
		return text, style, printable(text, "")
	}
	tagged := style&yaml.TaggedStyle != 0 // then it is !!str, see isScalar
	if !quote && plainSafe.MatchString(text) && (tagged || !ambiguous(text)) {
		return text, style, nil
	}
	return `"` + text + `"`, style | yaml.DoubleQuotedStyle, printable(text, `"\`)
}

// printable refuses texts that would need escapes.
func printable(text, special string) error {
	for _, r := range text {
		if r < ' ' || r >= 0x7F || strings.ContainsRune(special, r) {
			return errText
		}
	}
	return nil
}
