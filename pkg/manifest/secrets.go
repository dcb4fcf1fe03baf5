package manifest

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Secret is a place where a secret stands in the open. The secret itself is not
// kept, so that nothing can print it.
type Secret struct {
	File string
	Line int    // from 1
	Rule string // what gives it away: "a GitHub token"
}

// The rules about documents.
const (
	plainSecret    = "a Secret in plain text"
	literalSecret  = "a literal of a secretGenerator"
	templateSecret = "a Secret in a file that cannot be read as YAML"
)

// The shapes that the tokens of some services have, from their documentation.
// https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
// https://docs.gitlab.com/security/tokens/#token-prefixes
// https://api.slack.com/authentication/token-types
// https://www.rfc-editor.org/rfc/rfc7468#section-2
var (
	githubToken = regexp.MustCompile(`\bgh[opsur]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{22}`)
	awsKey      = regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`)
	privateKey  = regexp.MustCompile(`-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----`)
	slackToken  = regexp.MustCompile(`\bxox[abeoprs]-[0-9A-Za-z-]{10}|https://hooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/[0-9A-Za-z]{16}`)
	gitlabToken = regexp.MustCompile(`\bgl(pat|dt|rt|cbt|ptt|ft|agent|oas)-[0-9A-Za-z_-]{20}`)
	googleKey   = regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`)
	npmToken    = regexp.MustCompile(`\bnpm_[0-9A-Za-z]{36}`)
	dockerToken = regexp.MustCompile(`\bdckr_(pat|oat)_[0-9A-Za-z_-]{20}`)
	stripeKey   = regexp.MustCompile(`\b[rs]k_live_[0-9A-Za-z]{16}`)
	vaultToken  = regexp.MustCompile(`\bhv[sb]\.[0-9A-Za-z_-]{24}`)
	ageKey      = regexp.MustCompile(`\bAGE-SECRET-KEY-1[0-9A-Z]{58}`)
)

// token is a shape and what to call it.
type token struct {
	rule  string
	shape *regexp.Regexp
}

func tokens() []token {
	return []token{
		{"a GitHub token", githubToken},
		{"an AWS access key", awsKey},
		{"a private key", privateKey},
		{"a Slack token", slackToken},
		{"a GitLab token", gitlabToken},
		{"a Google API key", googleKey},
		{"an npm token", npmToken},
		{"a Docker Hub token", dockerToken},
		{"a Stripe key", stripeKey},
		{"a Vault token", vaultToken},
		{"an age key", ageKey},
	}
}

// Secrets looks for secrets in what a file has more than it had before: tokens in
// lines that were added, and documents with such a line which are Secrets of
// Kubernetes in plain text, or kustomizations that make one of literals. A
// SealedSecret and an ExternalSecret are no Secrets; a Secret that SOPS encrypted
// passes when each of its values is encrypted and the file is signed. A file that is
// not YAML, such as a template, is searched by its text.
//
// The places come in the order of the file. Nothing is decoded but YAML, so that a
// token in base64 in a ConfigMap is not seen.
func Secrets(file string, before, after []byte) []Secret {
	added := addedLines(before, after)
	var found []Secret
	for number, line := range added {
		for _, token := range tokens() {
			if token.shape.Match(line) {
				found = append(found, Secret{file, number, token.rule})
			}
		}
	}
	if IsYAML(file) || strings.HasSuffix(file, ".json") {
		found = append(found, secretDocuments(file, after, added)...)
	}
	slices.SortFunc(found, func(a, b Secret) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule))
	})
	return slices.Compact(found)
}

// addedLines returns the lines, by number, of which the file before had fewer. Which
// of equal lines are the new ones does not matter: they say the same.
func addedLines(before, after []byte) map[int][]byte {
	left := map[string]int{}
	for line := range bytes.Lines(before) {
		left[string(bytes.TrimRight(line, "\r\n"))]++
	}
	added := map[int][]byte{}
	number := 0
	for line := range bytes.Lines(after) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if left[string(line)] > 0 {
			left[string(line)]--
			continue
		}
		if len(bytes.TrimSpace(line)) > 0 {
			added[number] = line
		}
	}
	return added
}

// secretDocuments looks at the documents that have an added line.
func secretDocuments(file string, after []byte, added map[int][]byte) []Secret {
	if len(added) == 0 {
		return nil
	}
	s, err := read(file, after)
	if err != nil {
		return secretTemplates(file, after, added)
	}
	var found []Secret
	for i, doc := range s.docs {
		end := len(s.text) + 2 // more than there are lines
		if i+1 < len(s.docs) {
			end = s.docs[i+1].Line
		}
		if !touched(added, firstLine(s.docs, i), end) || len(doc.Content) == 0 {
			continue
		}
		for _, at := range plainSecrets(doc.Content[0], 0) {
			line, _ := s.where(at.node)
			found = append(found, Secret{file, line, at.rule})
		}
	}
	return found
}

// firstLine is where a document begins: comments in front of it belong to it.
func firstLine(docs []*yaml.Node, i int) int {
	if i == 0 {
		return 1
	}
	return docs[i].Line
}

func touched(added map[int][]byte, from, to int) bool {
	for number := range added {
		if from <= number && number < to {
			return true
		}
	}
	return false
}

// exposed is a node that gives a secret away.
type exposed struct {
	node *yaml.Node
	rule string
}

// plainSecrets finds the secrets of one object, or of each in a List.
func plainSecrets(object *yaml.Node, depth int) []exposed {
	var found []exposed
	if object.Kind != yaml.MappingNode || depth > 2 {
		return nil
	}
	isSecret, encrypted := false, isSOPS(object)
	for key, value := range pairs(object) {
		switch {
		case key.Value == "kind" && value.Value == "Secret":
			isSecret = true
		case key.Value == "items" && value.Kind == yaml.SequenceNode:
			for _, item := range value.Content {
				found = append(found, plainSecrets(item, depth+1)...)
			}
		case key.Value == "secretGenerator" && value.Kind == yaml.SequenceNode && !encrypted:
			found = append(found, literals(value)...)
		}
	}
	if !isSecret {
		return found
	}
	for key, value := range pairs(object) {
		if key.Value != "data" && key.Value != "stringData" {
			continue
		}
		if leaf := openLeaf(value, encrypted, map[*yaml.Node]bool{}); leaf != nil {
			found = append(found, exposed{leaf, plainSecret})
		}
	}
	return found
}

func literals(generators *yaml.Node) []exposed {
	var found []exposed
	for _, generator := range generators.Content {
		for key, value := range pairs(generator) {
			if key.Value == "literals" && len(value.Content) > 0 {
				found = append(found, exposed{value.Content[0], literalSecret})
			}
		}
	}
	return found
}

// pairs are the keys and values of a mapping, every one of a key that is repeated.
func pairs(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if mapping.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			value := mapping.Content[i+1]
			if value.Kind == yaml.AliasNode && value.Alias != nil {
				value = value.Alias
			}
			if !yield(mapping.Content[i], value) {
				return
			}
		}
	}
}

// isSOPS says whether SOPS signed the object: without the signature, its other
// marks prove nothing.
// https://getsops.io/docs/#message-authentication-code
func isSOPS(object *yaml.Node) bool {
	for key, value := range pairs(object) {
		if key.Value != "sops" {
			continue
		}
		for name, mac := range pairs(value) {
			if name.Value == "mac" && encryptedRegexp.MatchString(mac.Value) {
				return true
			}
		}
	}
	return false
}

var (
	encryptedRegexp   = regexp.MustCompile(`^ENC\[[A-Z0-9_]+,data:[^\[\]]+\]$`)
	placeholderRegexp = regexp.MustCompile(`^(\$\{[A-Za-z_][A-Za-z0-9_]*\}|<path:[^<>]+>)$`)
)

// openLeaf returns the first value below a node that anybody can read, or nil. What
// is filled in elsewhere is not there to be read: ${NAME} of Flux, <path:…> of the
// Argo CD Vault plugin.
func openLeaf(node *yaml.Node, encrypted bool, seen map[*yaml.Node]bool) *yaml.Node {
	if node.Kind == yaml.AliasNode && node.Alias != nil {
		node = node.Alias
	}
	if seen[node] {
		return nil
	}
	seen[node] = true
	if node.Kind == yaml.ScalarNode {
		open := node.Value != "" && node.ShortTag() != "!!null" && !placeholderRegexp.MatchString(node.Value) &&
			!(encrypted && encryptedRegexp.MatchString(node.Value))
		if open {
			return node
		}
		return nil
	}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			if child.Kind == yaml.MappingNode { // {{ .value }} of a template reads as one
				return child
			}
			continue
		}
		if leaf := openLeaf(child, encrypted, seen); leaf != nil {
			return leaf
		}
	}
	return nil
}

var secretKindRegexp = regexp.MustCompile(`^[\s{,-]*["']?kind["']?\s*:\s*["']?Secret["']?\s*([,}#].*)?$`)

// secretTemplates finds Secrets in a text that is not YAML, in those of its parts
// between document marks that have an added line.
func secretTemplates(file string, after []byte, added map[int][]byte) []Secret {
	var found []Secret
	var kinds []int
	number, start := 0, 1
	flush := func() {
		if touched(added, start, number+1) {
			for _, line := range kinds {
				found = append(found, Secret{file, line, templateSecret})
			}
		}
		kinds, start = nil, number+1
	}
	for line := range bytes.Lines(after) {
		number++
		if bytes.HasPrefix(line, []byte("---")) {
			number--
			flush()
			number++
		}
		if secretKindRegexp.Match(bytes.TrimRight(line, "\r\n")) {
			kinds = append(kinds, number)
		}
	}
	flush()
	return found
}
