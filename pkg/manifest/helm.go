package manifest

import (
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// helmShape is an image in parts, as Helm charts have it in their values:
// repository and tag; registry, repository and tag; each with digest or sha
// beside it. The old form image and tag (or imageTag) is read as well, and so are
// Istio's hub, image and tag, and name and tag below image. It is found wherever it
// is: in values files, in HelmReleases, in custom resources.
func helmShape() shape {
	return shape{
		keys: []string{"registry", "hub", "repository", "image", "name", "tag", "imageTag", "digest", "sha"},
		find: findParts,
	}
}

// hasParts reports whether a mapping spells an image in parts, so that image:
// there is no whole reference.
func hasParts(m mapping) bool {
	for _, key := range []string{"tag", "imageTag", "repository"} {
		if p := m.get(key); p.value != nil && isScalar(p.value) {
			return true
		}
	}
	return false
}

var errNoTag = errors.New("a tag stands beside the digest: give both (NAME:TAG@DIGEST)")

// parts is a reference in several scalars.
type parts struct {
	registry, name, tag, digest pair
	current                     image.Reference
}

func findParts(f *finder, m mapping) {
	t, ok := f.partsTarget(m)
	if !ok {
		return
	}
	t.found.Path = m.at.path()
	if p, ok := t.holder.(parts); ok && t.found.Path == "" {
		t.found.Path = p.versionPair().name
	}
	f.add(m, t)
}

// partsTarget reads a mapping as an image in parts.
func (f *finder) partsTarget(m mapping) (target, bool) {
	p, ok := readParts(m)
	if !ok {
		return target{}, false
	}
	name := p.name.value.Value
	if registry := scalarText(p.registry.value); registry != "" {
		name = registry + "/" + name
	}
	if ref, ok := f.parse(name); !ok || ref.Version() != "" {
		return target{}, false
	}
	version, refusal := readVersion(scalarText(p.tag.value), p.digestText())
	version.Name = name
	p.current = version
	return target{
		found:   Found{Kind: Helm, Image: version},
		holder:  p,
		scalars: scalars{name: p.name.value, registry: p.registry.value, tag: p.tag.value, digest: p.digest.value},
		refusal: refusal,
	}, true
}

// readParts picks the keys. A mapping that has repository and image both is left
// alone: charts disagree on what they mean together.
func readParts(m mapping) (parts, bool) {
	if !hasParts(m) {
		return parts{}, false
	}
	repository, short := m.get("repository"), m.get("image")
	p := parts{registry: m.get("registry"), name: repository, tag: m.get("tag"), digest: m.get("digest")}
	switch {
	case repository.value == nil && short.value != nil:
		p.name = short
		if p.tag.value == nil {
			p.tag = m.get("imageTag")
		}
		if !p.joinHub(m.get("hub")) {
			return parts{}, false
		}
	case repository.value == nil:
		p.name = m.namePair()
	case short.value != nil && isScalar(short.value):
		return parts{}, false
	}
	if sha := m.get("sha"); p.digest.value == nil && holdsDigest(sha.value) {
		p.digest = sha
	}
	for _, part := range []pair{p.registry, p.tag, p.digest} {
		if !isScalar(part.value) {
			return parts{}, false
		}
	}
	if !isText(p.name.value) {
		return parts{}, false
	}
	return p, p.tag.value != nil || repository.value != nil && !isEmpty(p.digest.value)
}

// joinHub puts the hub of Istio's charts (hub/image:tag) in the place of the
// registry. An image with a slash is whole, the hub does not matter to it; beside an
// empty hub, the image's name is somewhere else.
func (p *parts) joinHub(hub pair) bool {
	if hub.value == nil || strings.Contains(scalarText(p.name.value), "/") {
		return true
	}
	p.registry = hub
	return isText(hub.value) && hub.value.Value != ""
}

// namePair is name: below a key like image or proxyImage. Elsewhere, a name beside
// a tag is not one of an image.
func (m mapping) namePair() pair {
	if strings.HasSuffix(strings.ToLower(m.at.key), "image") {
		return m.get("name")
	}
	return pair{name: "name", in: m.node}
}

func (p parts) versionPair() pair {
	if p.tag.value != nil {
		return p.tag
	}
	return p.digest
}

// holdsDigest reports whether the value of sha is a digest or could become one: a
// commit has that key as well.
func holdsDigest(n *yaml.Node) bool {
	text := scalarText(n)
	return n != nil && isScalar(n) && (text == "" || isDigest(withAlgorithm(text)))
}

// digestText returns the digest with its algorithm.
func (p parts) digestText() string {
	if p.digest.name == "sha" {
		return withAlgorithm(scalarText(p.digest.value))
	}
	return scalarText(p.digest.value)
}

// withAlgorithm completes the value of sha, which holds the digits only in the
// charts of prometheus-community and grafana.
func withAlgorithm(text string) string {
	if text == "" || strings.Contains(text, ":") {
		return text
	}
	return "sha256:" + text
}

// forKey writes a digest in the way in which a key has it.
func forKey(p pair, digest string) (string, error) {
	if p.name != "sha" || digest == "" || strings.Contains(scalarText(p.value), ":") {
		return digest, nil
	}
	digits, ok := strings.CutPrefix(digest, "sha256:")
	if !ok {
		return "", fmt.Errorf("the key sha holds the digits of a sha256 digest, not %s", digest)
	}
	return digits, nil
}

// readVersion reads a tag, which may have a digest at its end, and a digest beside
// it. When one of them is neither, it says why the image cannot be changed.
func readVersion(tag, digest string) (ref image.Reference, refusal string) {
	ref = image.Reference{Tag: tag, Digest: digest}
	if before, after, found := strings.Cut(tag, "@"); found && digest == "" {
		ref.Tag, ref.Digest = before, after
	}
	if ref.Tag != "" {
		if _, err := image.ParseTag(ref.Tag); err != nil {
			return ref, quote(tag) + " is no tag: a variable or a template must be changed by hand"
		}
	}
	if ref.Digest != "" {
		if _, err := image.ParseDigest(ref.Digest); err != nil {
			return ref, quote(ref.Digest) + " is no digest: it must be changed by hand"
		}
	}
	return ref, ""
}

func (p parts) assign(next image.Reference) ([]assignment, error) {
	if next.Tag == "" && (p.current.Tag != "" || !p.separate()) {
		return nil, errNoTag
	}
	changes, err := p.assignVersion(next)
	if err != nil {
		return nil, err
	}
	if next.Name != p.current.Name {
		changes = append(changes, p.assignName(next.Name)...)
	}
	return changes, nil
}

func (p parts) assignVersion(next image.Reference) ([]assignment, error) {
	if !p.separate() {
		return []assignment{{pair: p.tag, text: next.Version()}}, nil
	}
	digest, err := forKey(p.digest, next.Digest)
	if err != nil {
		return nil, err
	}
	changes := []assignment{{pair: p.digest, text: digest}}
	if p.tag.value != nil {
		return append(changes, assignment{pair: p.tag, text: next.Tag}), nil
	}
	if next.Tag != "" {
		return nil, errors.New("the values have a digest and no key tag: give a digest without a tag")
	}
	return changes, nil
}

// separate reports whether the digest has a key of its own. Without one it goes
// behind the tag (tag: 1.2@sha256:…), which charts join to the same reference.
func (p parts) separate() bool {
	return p.digest.value != nil && !strings.Contains(scalarText(p.tag.value), "@")
}

// assignName spreads a name over registry and repository as they are there.
func (p parts) assignName(name string) []assignment {
	registry := scalarText(p.registry.value)
	if registry == "" {
		return []assignment{{pair: p.name, text: name}}
	}
	if i := strings.LastIndexByte(name, '/'); i > 0 && p.registry.name == "hub" {
		return []assignment{{pair: p.registry, text: name[:i]}, {pair: p.name, text: name[i+1:]}}
	}
	host, rest, found := strings.Cut(name, "/")
	if found && (strings.ContainsAny(host, ".:") || host == "localhost" || host != strings.ToLower(host)) {
		return []assignment{{pair: p.registry, text: host}, {pair: p.name, text: rest}}
	}
	return []assignment{{pair: p.registry, text: "docker.io"}, {pair: p.name, text: name}}
}
